--- Conversations with the server: one scratch buffer that holds the chat in front, filled while an answer arrives. What
--- was said is kept by the server; the buffer only shows it.

local cited = require('halfline.cited')
local compat = require('halfline.compat')
local say = require('halfline.say')
local server = require('halfline.server')
local status = require('halfline.status')

local M = {}
local H = { bufnr = nil, id = nil, request = nil, token = nil, root = nil, origin = nil, about = nil }

--- Show the chat, and say something in it.
---
---@param message string|nil What to say. Default: nothing; the workspace's last chat is shown and asks.
---@param first integer|nil First line of the current file that the message is about, 1-based.
---@param last integer|nil Last line, inclusive.
M.open = function(message, first, last)
  local bufnr = vim.api.nvim_get_current_buf()
  local client = server.client_or_say(bufnr)
  if not client then
    return
  end
  if bufnr ~= H.bufnr then
    H.origin = vim.api.nvim_get_current_win()
    H.about = server.is_file(bufnr) and { uri = vim.uri_from_bufnr(bufnr) } or {}
  end
  if H.about.uri and first then
    H.about.range = { start = { line = first - 1, character = 0 }, ['end'] = { line = last or first, character = 0 } }
  end
  local is_new = not (H.bufnr and vim.api.nvim_buf_is_valid(H.bufnr))
  H.root = client.root_dir or client.config.root_dir
  H.show_window()
  if message and message ~= '' then
    H.send(message)
  elseif is_new then
    H.call('halfline.chat.list', function(listing)
      if listing.chats[1] then
        H.load(listing.chats[1].id)
      end
      H.ask()
    end)
  else
    H.ask()
  end
end

-- Helpers =====================================================================

H.client = function()
  return server.client_or_say(vim.api.nvim_get_current_buf())
end

-- Ask the server something short. What goes wrong is said.
H.call = function(command, callback, argument)
  local client = H.client()
  if not client then
    return
  end
  argument = vim.tbl_extend('force', { uri = H.about.uri }, argument or {})
  local params = { command = command, arguments = { next(argument) and argument or vim.empty_dict() } }
  compat.request(client, 'workspace/executeCommand', params, function(err, result)
    if err then
      say.warn(err.message)
    else
      callback(result)
    end
  end)
end

-- Say `message` in the chat in front. What the server streams is appended as it comes.
H.send = function(message)
  if H.request then
    say.warn('an answer is on its way; <C-c> in the chat stops it')
    return
  end
  local client = H.client()
  if not client then
    return
  end
  local text, noted, after = '', {}, {}
  H.append({ '> ' .. message:gsub('\n', '\n> '), '', '' })
  local note = function(line)
    if not noted[line] then
      noted[line] = true
      table.insert(after, '- ' .. line)
    end
  end
  local token = status.open_stream(function(value)
    if type(value) ~= 'table' then
      return
    elseif value.kind == 'text' then
      text = text .. value.text
      H.append_text(value.text)
    elseif value.kind == 'status' then
      H.set_title(value.text)
    elseif value.kind == 'evidence' or value.kind == 'citation' then
      note(cited.describe(H.root, value))
    elseif value.kind == 'tool' then
      note(value.note)
    end
  end)
  local argument = vim.tbl_extend('force', { message = message, id = H.id }, H.about)
  -- Selected lines are what one message is about.
  H.about.range = nil
  H.set_title('thinking')
  H.token = token
  H.request = compat.request(client, 'workspace/executeCommand', {
    command = 'halfline.chat.send',
    arguments = { argument },
    partialResultToken = token,
  }, function(err, result)
    -- It may have been stopped, and another message sent.
    if H.token ~= token then
      return
    end
    H.request, H.token = nil, nil
    status.close_stream(token)
    if err then
      H.append_text(('\n\nNo answer: %s\n\n'):format(err.message))
      H.set_title(nil)
      return
    end
    H.id = result.chat.id
    if text == '' then
      H.append_text(result.text)
    end
    for _, citation in ipairs(result.citations or {}) do
      note(cited.describe(H.root, vim.tbl_extend('force', { kind = 'citation' }, citation)))
    end
    if type(result.confidence_level) == 'string' then
      note('confidence: ' .. result.confidence_level)
    end
    for _, line in ipairs(result.notes or {}) do
      note(line)
    end
    H.append(vim.list_extend({ '', '' }, vim.list_extend(after, { '', '' })))
    H.set_title(nil)
  end)
  if not H.request then
    status.close_stream(token)
    H.append_text('No answer: the server is not running; `:Halfline restart` starts it\n\n')
  end
end

-- Put a chat of the server's in front.
H.load = function(id)
  H.call('halfline.chat.show', function(chat)
    H.clear()
    H.id = chat.id
    for _, turn in ipairs(chat.turns) do
      local text = ('> %s\n\n%s\n\n'):format(turn.question:gsub('\n', '\n> '), turn.answer)
      H.append_text(text)
    end
    H.set_title(nil)
  end, { id = id })
end

H.ask = function()
  vim.ui.input({ prompt = 'Say to Halfline: ' }, function(message)
    if message and message ~= '' then
      H.send(message)
    end
  end)
end

-- Choose among the chats of the workspace.
H.choose = function()
  H.call('halfline.chat.list', function(listing)
    if #listing.chats == 0 then
      say.info('there are no chats in this workspace')
      return
    end
    vim.ui.select(listing.chats, {
      prompt = 'Chats',
      format_item = function(chat)
        return ('%s (%d turns)'):format(chat.title, chat.turns)
      end,
    }, function(chat)
      if chat then
        H.load(chat.id)
      end
    end)
  end)
end

H.begin = function()
  H.stop()
  H.clear()
  H.id = nil
  H.set_title(nil)
end

H.delete = function()
  local id = H.id
  if id and vim.fn.confirm('Delete this chat?', '&Yes\n&No', 2) == 1 then
    H.call('halfline.chat.delete', H.begin, { id = id })
  end
end

-- Neovim tells nobody of the answer to a request that was cancelled.
H.stop = function()
  local client = H.request and H.client()
  if client then
    compat.cancel(client, H.request)
    status.close_stream(H.token)
    H.request, H.token = nil, nil
    H.append_text('\n\nStopped.\n\n')
    H.set_title(nil)
  end
end

-- The buffer and its window ---------------------------------------------------

H.show_window = function()
  if not (H.bufnr and vim.api.nvim_buf_is_valid(H.bufnr)) then
    H.bufnr = vim.api.nvim_create_buf(false, true)
    H.id = nil
    vim.bo[H.bufnr].bufhidden = 'hide'
    vim.bo[H.bufnr].filetype = 'markdown'
    vim.bo[H.bufnr].modifiable = false
    vim.api.nvim_buf_set_name(H.bufnr, 'halfline://chat')
    H.map_keys()
  end
  local window = vim.fn.bufwinid(H.bufnr)
  if window ~= -1 then
    vim.api.nvim_set_current_win(window)
    return
  end
  vim.cmd('botright vertical split')
  vim.api.nvim_win_set_buf(0, H.bufnr)
  for option, value in pairs({ wrap = true, linebreak = true, number = false, relativenumber = false, spell = false }) do
    vim.wo[0][option] = value
  end
  vim.wo[0].signcolumn = 'no'
  H.set_title(nil)
end

H.map_keys = function()
  local map = function(lhs, callback, desc)
    vim.keymap.set('n', lhs, callback, { buffer = H.bufnr, nowait = true, desc = 'Halfline chat: ' .. desc })
  end
  map('a', H.ask, 'say something')
  map('i', H.ask, 'say something')
  map('n', H.begin, 'begin another one')
  map('o', H.choose, 'open one of the workspace')
  map('d', H.delete, 'delete this one')
  map('<C-c>', H.stop, 'stop the answer')
  map('q', function()
    pcall(vim.api.nvim_win_close, 0, false)
  end, 'close the window')
  map('<CR>', function()
    cited.open_at_cursor(H.root, H.origin)
  end, 'open the path under the cursor')
end

H.set_title = function(doing)
  local window = vim.fn.bufwinid(H.bufnr)
  if window == -1 then
    return
  end
  local what = doing and (' · ' .. doing .. '…') or '  a say  <C-c> stop  n new  o open  d delete  q close'
  vim.wo[window].statusline = ' Halfline chat' .. what:gsub('%%', '%%%%')
end

H.clear = function()
  vim.bo[H.bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(H.bufnr, 0, -1, false, {})
  vim.bo[H.bufnr].modifiable = false
end

H.append = function(lines)
  H.append_text(table.concat(lines, '\n'))
end

-- Put text behind the last character. A cursor on the last line goes along: that is where one reads.
H.append_text = function(text)
  if not vim.api.nvim_buf_is_valid(H.bufnr) then
    return
  end
  local last = vim.api.nvim_buf_line_count(H.bufnr) - 1
  local line = vim.api.nvim_buf_get_lines(H.bufnr, last, last + 1, false)[1]
  local window = vim.fn.bufwinid(H.bufnr)
  local follows = window ~= -1 and vim.api.nvim_win_get_cursor(window)[1] == last + 1
  vim.bo[H.bufnr].modifiable = true
  vim.api.nvim_buf_set_text(H.bufnr, last, #line, last, #line, vim.split(text, '\n', { plain = true }))
  vim.bo[H.bufnr].modifiable = false
  if follows then
    vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(H.bufnr), 0 })
  end
end

return M
