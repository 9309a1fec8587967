local json = require("json")

-- How to connect.
local Client = {}

function Client.new(host)
  return setmetatable({ host = host }, Client)
end

function Client:send(text)
  return json.encode(text)
end

local function connect(host)
  return Client.new(host)
end
