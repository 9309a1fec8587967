--- What the server says about itself, for the statusline, and the routing of its notifications.

local M = {}
local H = { clients = {}, streams = {}, counter = 0 }

--- Handlers for the client's configuration.
---
---@return table<string, function>
M.handlers = function()
  return {
    ['didChangeStatus'] = H.on_status,
    ['$/progress'] = H.on_progress,
  }
end

--- A new token for partial results; each value goes to the callback until |M.close_stream()|.
---
---@param on_value fun(value: table)
---@return string token
M.open_stream = function(on_value)
  H.counter = H.counter + 1
  local token = ('halfline/%d'):format(H.counter)
  H.streams[token] = on_value
  return token
end

M.close_stream = function(token)
  H.streams[token] = nil
end

--- The text for a statusline.
---
---@param bufnr integer
---@return string
M.text = function(bufnr)
  local state = require('halfline.server').state()
  if state == 'missing' then
    return 'Halfline: not installed'
  elseif state == 'crashed' then
    return 'Halfline: stopped'
  end
  local client = require('halfline.server').clients(bufnr)[1]
  if not client then
    return ''
  end
  local said = H.of(client.id)
  local what = H.work(said) or H.words(said)
  if not require('halfline.ghost').is_enabled() then
    what = what and ('off, ' .. what) or 'off'
  end
  -- A percent sign starts a field of the statusline.
  return what and (('Halfline: ' .. what):gsub('%%', '%%%%')) or 'Halfline'
end

--- Why a server cannot work, in its own words, or nil.
---
---@param client_id integer
---@return string|nil
M.failure = function(client_id)
  local said = H.of(client_id)
  return said.kind == 'Error' and said.message or nil
end

--- A client has gone.
M.forget = function(client_id)
  H.clients[client_id] = nil
  H.announce()
end

-- Helpers =====================================================================

H.of = function(client_id)
  H.clients[client_id] = H.clients[client_id] or { kind = 'Normal', busy = false, message = '', work = {} }
  return H.clients[client_id]
end

H.on_status = function(_, params, ctx)
  local said = H.of(ctx.client_id)
  said.kind = params.kind or 'Normal'
  said.busy = params.busy == true
  said.message = type(params.message) == 'string' and params.message or ''
  H.announce()
end

H.on_progress = function(err, params, ctx, config)
  local stream = H.streams[params.token]
  if stream then
    stream(params.value)
    return
  end
  local said, value = H.of(ctx.client_id), params.value
  if type(value) == 'table' then
    if value.kind == 'end' then
      said.work[params.token] = nil
    elseif value.kind == 'begin' or value.kind == 'report' then
      local before = said.work[params.token] or {}
      said.work[params.token] = {
        title = value.title or before.title,
        message = value.message or before.message,
        percentage = value.percentage or before.percentage,
      }
    end
    H.announce()
  end
  return vim.lsp.handlers['$/progress'](err, params, ctx, config)
end

-- "loading model 40%" of the work that is going on, if any.
H.work = function(said)
  local _, work = next(said.work)
  if not work then
    return nil
  end
  -- The server names itself in its titles; once is enough.
  local words = (work.title or work.message or 'working'):gsub('^Halfline: ', '')
  return work.percentage and ('%s %d%%'):format(words, work.percentage) or words
end

-- The server's own words, marked while it is busy.
H.words = function(said)
  if said.message == '' then
    return said.busy and '…' or nil
  end
  return said.busy and said.message .. ' …' or said.message
end

H.announce = function()
  vim.schedule(function()
    vim.api.nvim_exec_autocmds('User', { pattern = 'HalflineStatus', modeline = false })
    vim.cmd.redrawstatus()
  end)
end

return M
