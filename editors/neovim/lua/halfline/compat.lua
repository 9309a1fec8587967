--- What differs between Neovim 0.10, 0.11 and 0.12. No other file asks for the version.

local M = {}
local H = {}

--- True where Neovim draws inline completion itself.
M.has_builtin_inline_completion = vim.fn.has('nvim-0.12') == 1 and vim.lsp.inline_completion ~= nil

--- Send a request.
---
---@return integer|nil id To cancel it with.
M.request = function(client, method, params, handler, bufnr)
  local sent, id = H.call(client, 'request', method, params, handler, bufnr)
  return sent and id or nil
end

M.notify = function(client, method, params)
  return H.call(client, 'notify', method, params)
end

M.cancel = function(client, id)
  -- The server may have gone in the meantime; then there is nothing left to cancel.
  if not M.is_stopped(client) then
    H.call(client, 'cancel_request', id)
  end
end

M.is_stopped = function(client)
  return H.call(client, 'is_stopped')
end

---@param force boolean|nil Kill it instead of asking it to stop.
M.stop = function(client, force)
  return H.call(client, 'stop', force)
end

--- Run a command that came with a suggestion.
M.execute = function(client, command, bufnr)
  if client.exec_cmd then
    client:exec_cmd(command, { bufnr = bufnr })
  else
    M.request(client, 'workspace/executeCommand', {
      command = command.command,
      arguments = command.arguments,
    }, function() end, bufnr)
  end
end

--- The column of a byte in the units of an encoding.
---
---@param line string
---@param byte integer 0-based; past the end counts as the end.
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return integer
M.column_of_byte = function(line, byte, encoding)
  byte = math.min(byte, #line)
  if encoding == 'utf-8' then
    return byte
  end
  if H.is_0_11 then
    return vim.str_utfindex(line, encoding, byte, false)
  end
  local utf32, utf16 = vim.str_utfindex(line, byte)
  return encoding == 'utf-16' and utf16 or utf32
end

--- The byte of a column given in the units of an encoding.
---
---@param line string
---@param column integer 0-based; past the end counts as the end.
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return integer
M.byte_of_column = function(line, column, encoding)
  if encoding == 'utf-8' then
    return math.min(column, #line)
  end
  if H.is_0_11 then
    return vim.str_byteindex(line, encoding, column, false)
  end
  local ok, byte = pcall(vim.str_byteindex, line, column, encoding == 'utf-16')
  return ok and byte or #line
end

--- Where Neovim keeps what servers write to their standard error.
---
---@return string
M.log_path = function()
  return vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
end

--- Give Neovim's registry of servers our entry, so that `vim.lsp.config('halfline', ...)` of the user takes part.
---
---@param config table
---@return table resolved
M.resolve_config = function(config)
  if not vim.lsp.config then
    return config
  end
  vim.lsp.config(config.name, config)
  return vim.lsp.config[config.name] or config
end

-- Helpers =====================================================================

H.is_0_11 = vim.fn.has('nvim-0.11') == 1

-- Methods of a client took no `self` in 0.10.
H.call = function(client, method, ...)
  if H.is_0_11 then
    return client[method](client, ...)
  end
  return client[method](...)
end

return M
