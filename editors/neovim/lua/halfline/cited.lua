--- Places that an answer names, `src/a.rs:12`, and going there.

local M = {}
local H = {}

--- Open the place under the cursor, or the first one of the line, in the window that the question came from.
---
---@param root string|nil Where relative paths start.
---@param origin integer The window to open it in, where that is still there.
---@param before fun()|nil Called when there is a place, before it is opened.
---@return boolean opened
M.open_at_cursor = function(root, origin, before)
  local path, line = H.place_in(vim.fn.expand('<cWORD>'))
  if not path then
    path, line = H.place_in(vim.api.nvim_get_current_line())
  end
  local file = path and M.file(root, path)
  if not file then
    return false
  end
  if before then
    before()
  end
  if vim.api.nvim_win_is_valid(origin) then
    vim.api.nvim_set_current_win(origin)
  end
  vim.cmd.edit(vim.fn.fnameescape(file))
  pcall(vim.api.nvim_win_set_cursor, 0, { line, 0 })
  return true
end

--- "src/a.rs:12 · why it is there"; a citation that does not hold says so. A tool is named like a file, without a line.
---
---@param root string|nil
---@param value table Evidence or a citation.
M.describe = function(root, value)
  local line = value.line or (value.lines and value.lines[1])
  local words = value.kind == 'citation' and value.symbol or value.why
  -- A name that stands in no file.
  if value.kind == 'citation' and value.path == '' then
    return ('%s · nowhere in this workspace'):format(tostring(value.symbol))
  end
  -- What JSON calls null is no word.
  words = type(words) == 'string' and words or nil
  if value.kind == 'citation' and value.ok == false then
    words = (words and words .. ', ' or '') .. 'not found'
  end
  local place = line and M.file(root, value.path) and ('%s:%d'):format(value.path, line) or value.path
  return (tostring(words and (place .. ' · ' .. words) or place):gsub('%s+', ' '))
end

--- The file of that name in the workspace, if there is one.
M.file = function(root, path)
  local file = vim.startswith(path, '/') and path or vim.fs.joinpath(root or vim.uv.cwd(), path)
  return vim.uv.fs_stat(file) and file or nil
end

-- Helpers =====================================================================

H.place_in = function(text)
  local path, line = text:match('([%w%._/%-\128-\255]+):(%d+)')
  return path, tonumber(line)
end

return M
