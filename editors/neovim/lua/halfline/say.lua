--- Messages to the user: each thing once, until it may have changed.

local M = {}
local H = { told = {} }

--- Say something that went wrong, once.
---
---@param text string What is wrong and what to do about it.
M.warn_once = function(text)
  if not H.told[text] then
    H.told[text] = true
    M.warn(text)
  end
end

M.warn = function(text)
  H.notify(text, vim.log.levels.WARN)
end

M.info = function(text)
  H.notify(text, vim.log.levels.INFO)
end

--- Forget what was said, so that it is said again if it still holds.
M.forget = function()
  H.told = {}
end

-- Helpers =====================================================================

H.notify = function(text, level)
  vim.schedule(function()
    vim.notify('Halfline: ' .. text, level, { title = 'Halfline' })
  end)
end

return M
