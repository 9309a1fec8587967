--- Text of a suggestion and text of the buffer: what stands there already, how much a key takes, putting it in.

local M = {}

--- Row and byte column of the cursor, both 0-based.
---
---@return integer row
---@return integer column
M.cursor = function()
  local cursor = vim.api.nvim_win_get_cursor(0)
  return cursor[1] - 1, cursor[2]
end

--- What of a text that starts at a position is still to come at the cursor, and what stands there of it already; nil
--- where something else stands there.
---
---@param bufnr integer
---@param text string
---@param row integer 0-based
---@param column integer 0-based byte
---@return string|nil remaining
---@return string|nil head
M.remaining = function(bufnr, text, row, column)
  local cursor_row, cursor_column = M.cursor()
  if cursor_row < row or (cursor_row == row and cursor_column < column) then
    return nil
  end
  local typed = vim.api.nvim_buf_get_text(bufnr, row, column, cursor_row, cursor_column, {})
  local head = table.concat(typed, '\n')
  if not vim.startswith(text, head) then
    return nil
  end
  return text:sub(#head + 1), head
end

--- The beginning of a text that counts as its next word or line; the text itself for 'all'.
---
---@param text string
---@param part 'all'|'word'|'line'
---@return string
M.part = function(text, part)
  if part == 'word' then
    -- Bytes past ASCII belong to words: a character is never cut in two.
    return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%w%s_\128-\255]+') or text
  elseif part == 'line' then
    return text:match('^\n?[^\n]*')
  end
  return text
end

--- Put text at the cursor, in place of so many bytes right of it, and the cursor behind it.
---
---@param bufnr integer
---@param text string
---@param replaced integer bytes
M.insert = function(bufnr, text, replaced)
  local row, column = M.cursor()
  local lines = vim.split(text, '\n', { plain = true })
  vim.api.nvim_buf_set_text(bufnr, row, column, row, column + replaced, lines)
  vim.api.nvim_win_set_cursor(0, { row + #lines, (#lines == 1 and column or 0) + #lines[#lines] })
end

return M
