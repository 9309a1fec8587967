--- The window an answer is streamed into: evidence first, then the text as it comes, then what it cites.

local cited = require('halfline.cited')

local M = {}
local H = { current = nil }

---@class halfline.answer.Options
---@field title string
---@field subject string What was asked, in one line.
---@field root string|nil Where cited paths start.
---@field origin integer The window that cited places open in.
---@field on_close fun()
---@field on_more fun()|nil Asks the same again, for a longer answer.

--- Open a window, in place of the last one.
---
---@param options halfline.answer.Options
---@return { add: fun(value: table), finish: fun(result: table|nil), fail: fun(message: string) }
M.open = function(options)
  if H.current and vim.api.nvim_win_is_valid(H.current) then
    vim.api.nvim_win_close(H.current, true)
  end
  local self = { options = options, bufnr = vim.api.nvim_create_buf(false, true), text = '', notes = {}, after = {} }
  vim.bo[self.bufnr].bufhidden = 'wipe'
  vim.bo[self.bufnr].filetype = 'markdown'
  self.window = H.open_window(self.bufnr)
  H.current = self.window
  H.set_title(self, 'thinking')
  H.map_keys(self)
  vim.api.nvim_create_autocmd('BufWipeout', { buffer = self.bufnr, once = true, callback = options.on_close })
  H.append(self, { '> ' .. options.subject, '', '' })
  -- Reading starts at the top; a cursor at the end would be pushed along.
  vim.api.nvim_win_set_cursor(self.window, { 1, 0 })

  return {
    add = function(value)
      H.if_open(self, H.add, value)
    end,
    finish = function(result)
      H.if_open(self, H.finish, result)
    end,
    fail = function(message)
      H.if_open(self, H.fail, message)
    end,
  }
end

-- Helpers =====================================================================

-- The window may be closed while the answer is on its way.
H.if_open = function(self, callback, argument)
  if vim.api.nvim_buf_is_valid(self.bufnr) then
    callback(self, argument)
  end
end

H.add = function(self, value)
  if type(value) ~= 'table' then
    return
  elseif value.kind == 'text' then
    if self.text == '' and next(self.notes) then
      H.append(self, { '', '' })
    end
    self.text = self.text .. value.text
    H.append_text(self, value.text)
    H.set_title(self, 'writing')
  elseif value.kind == 'patch' then
    H.add(self, { kind = 'text', text = '```diff\n' .. value.diff .. '```\n\n' })
  elseif value.kind == 'status' then
    H.set_title(self, value.text)
  elseif value.kind == 'evidence' or value.kind == 'citation' then
    H.note(self, '- ' .. cited.describe(self.options.root, value))
  elseif value.kind == 'tool' then
    H.note(self, '- ' .. value.note)
  end
end

H.finish = function(self, result)
  -- A server that did not stream has the whole answer in its response.
  result = type(result) == 'table' and result or {}
  if self.text == '' and result.text then
    H.add(self, { kind = 'text', text = result.text })
  end
  for _, citation in ipairs(result.citations or {}) do
    H.note(self, '- ' .. cited.describe(self.options.root, vim.tbl_extend('force', { kind = 'citation' }, citation)))
  end
  if type(result.confidence_level) == 'string' then
    H.note(self, '- confidence: ' .. result.confidence_level)
  end
  -- Which engines failed, what was not sent.
  for _, note in ipairs(result.notes or {}) do
    H.note(self, '- ' .. note)
  end
  if #self.after > 0 then
    H.append(self, vim.list_extend({ '', '' }, self.after))
  end
  H.set_title(self, nil)
  H.shrink(self)
end

H.fail = function(self, message)
  H.append(self, { '', '', 'No answer: ' .. message })
  H.set_title(self, 'failed')
end

-- A line about the answer: above it while nothing of it is there, else below it when it is complete. Each one once.
H.note = function(self, line)
  if self.notes[line] then
    return
  end
  self.notes[line] = true
  if self.text ~= '' then
    table.insert(self.after, line)
    return
  end
  H.append(self, { line, '' })
  local row = vim.api.nvim_buf_line_count(self.bufnr) - 2
  vim.api.nvim_buf_set_extmark(self.bufnr, H.namespace, row, 0, { end_col = #line, hl_group = 'HalflineEvidence' })
end

H.append_text = function(self, text)
  H.append(self, vim.split(text, '\n', { plain = true }))
end

-- Put lines behind the last character; the first one continues the last line.
H.append = function(self, lines)
  local last = vim.api.nvim_buf_line_count(self.bufnr) - 1
  local line = vim.api.nvim_buf_get_lines(self.bufnr, last, last + 1, false)[1]
  vim.bo[self.bufnr].modifiable = true
  vim.api.nvim_buf_set_text(self.bufnr, last, #line, last, #line, lines)
  vim.bo[self.bufnr].modifiable = false
end

H.namespace = vim.api.nvim_create_namespace('halfline.answer')

H.open_window = function(bufnr)
  local window
  if require('halfline').config.answer_window == 'split' then
    vim.cmd('botright ' .. math.max(8, math.floor(vim.o.lines / 3)) .. 'split')
    window = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(window, bufnr)
  else
    window = vim.api.nvim_open_win(bufnr, true, H.float_config())
  end
  for option, value in pairs({ wrap = true, linebreak = true, number = false, relativenumber = false, spell = false }) do
    vim.wo[window][option] = value
  end
  vim.wo[window].signcolumn = 'no'
  vim.wo[window].fillchars = 'eob: '
  vim.wo[window].conceallevel = 2
  return window
end

-- Below the cursor's line, or above it where there is more room.
H.float_config = function()
  -- Not screenrow(): while a command runs, that is the command line's.
  local cursor = vim.api.nvim_win_get_cursor(0)
  local row = vim.fn.screenpos(0, cursor[1], cursor[2] + 1).row
  local below, above = vim.o.lines - row - vim.o.cmdheight - 3, row - 4
  local fits_below = below >= math.min(above, 12)
  return {
    relative = 'cursor',
    anchor = fits_below and 'NW' or 'SW',
    row = fits_below and 1 or 0,
    col = 0,
    width = math.max(20, math.min(88, vim.o.columns - 4)),
    height = math.max(3, math.min(18, fits_below and below or above)),
    border = 'rounded',
    title = ' Halfline ',
  }
end

H.set_title = function(self, what)
  local title = ('Halfline: %s%s'):format(self.options.title, what and (' · ' .. what .. '…') or '')
  if H.is_float(self) then
    local footer = ' q closes · <CR> on a path opens it '
    if self.options.on_more and not what then
      footer = footer .. '· m says more '
    end
    vim.api.nvim_win_set_config(self.window, { title = (' %s '):format(title), footer = footer, footer_pos = 'right' })
  elseif vim.api.nvim_win_is_valid(self.window) then
    vim.wo[self.window].statusline = (' %s '):format(title:gsub('%%', '%%%%'))
  end
end

-- No larger than the answer, now that all of it is there.
H.shrink = function(self)
  if H.is_float(self) then
    local needed = vim.api.nvim_win_text_height(self.window, {}).all
    local height = math.max(1, math.min(needed, vim.api.nvim_win_get_height(self.window)))
    vim.api.nvim_win_set_height(self.window, height)
  end
end

H.is_float = function(self)
  return vim.api.nvim_win_is_valid(self.window) and vim.api.nvim_win_get_config(self.window).relative ~= ''
end

H.map_keys = function(self)
  local map = function(lhs, callback, desc)
    vim.keymap.set('n', lhs, callback, { buffer = self.bufnr, nowait = true, desc = desc })
  end
  local close = function()
    vim.api.nvim_win_close(self.window, true)
  end
  map('q', close, 'Close the answer, and stop it if it is on its way')
  map('<Esc>', close, 'Close the answer, and stop it if it is on its way')
  if self.options.on_more then
    map('m', function()
      close()
      -- The longer answer is about the same place.
      if vim.api.nvim_win_is_valid(self.options.origin) then
        vim.api.nvim_set_current_win(self.options.origin)
      end
      self.options.on_more()
    end, 'Ask for a longer answer')
  end
  map('<CR>', function()
    cited.open_at_cursor(self.options.root, self.options.origin, close)
  end, 'Open the path under the cursor')
end

return M
