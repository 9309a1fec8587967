--- Ghost text drawn by this plugin: asks, cancels what it asked before, draws with extmarks, follows the typing.
---
--- A suggestion is text from a start position on. It stays while what stands between its start and the cursor is a
--- beginning of it; the moment it is not, it goes.

local compat = require('halfline.compat')
local text = require('halfline.ghost.text')

local M = {}
local H = { buffers = {}, namespace = vim.api.nvim_create_namespace('halfline.ghost') }

local INVOKED, AUTOMATIC = 1, 2

M.attach = function(client, bufnr)
  H.buffers[bufnr] = H.new_state(client)
  local group = vim.api.nvim_create_augroup('halfline.ghost.' .. bufnr, { clear = true })
  local on = function(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = callback })
  end
  on({ 'InsertEnter', 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, function()
    H.follow(bufnr)
  end)
  on({ 'InsertLeave', 'BufLeave' }, function()
    H.clear(bufnr)
  end)
end

M.detach = function(bufnr)
  if H.buffers[bufnr] then
    H.clear(bufnr)
    pcall(vim.api.nvim_del_augroup_by_name, 'halfline.ghost.' .. bufnr)
    H.buffers[bufnr] = nil
  end
end

M.is_visible = function(bufnr)
  local state = H.buffers[bufnr]
  return state ~= nil and state.shown and H.remaining(bufnr, H.current(state)) ~= nil
end

M.accept = function(bufnr, part)
  local state = H.buffers[bufnr]
  local suggestion = H.current(state)
  local remaining, head = H.remaining(bufnr, suggestion)
  local accepted = text.part(remaining, part)
  local whole = accepted == remaining
  text.insert(bufnr, accepted, whole and #suggestion.tail or 0)
  if not whole then
    H.notify_partly_accepted(state, suggestion, head .. accepted)
    H.follow(bufnr)
    return
  end
  H.clear(bufnr)
  if suggestion.item.command then
    compat.execute(state.client, suggestion.item.command, bufnr)
  end
end

M.select = function(bufnr, step)
  local state = H.buffers[bufnr]
  -- A suggestion that came by itself comes alone; asked for, there are several.
  if #state.suggestions == 1 and not state.invoked then
    H.request(bufnr, INVOKED, step)
    return
  end
  H.show_next(bufnr, step)
end

M.dismiss = function(bufnr)
  H.clear(bufnr)
end

M.trigger = function(client, bufnr)
  -- The other renderer asks for this, too, where it serves the buffer: this one then only draws the answer.
  H.buffers[bufnr] = H.buffers[bufnr] or H.new_state(client)
  H.clear(bufnr)
  H.request(bufnr, INVOKED)
end

-- Helpers =====================================================================

H.new_state = function(client)
  return {
    client = client,
    suggestions = {},
    index = 1,
    shown = false,
    -- True where the suggestions were asked for with a key.
    invoked = false,
    -- The text and cursor that were looked at last.
    here = '',
    timer = nil,
    request = nil,
  }
end

H.current = function(state)
  return state.suggestions[state.index]
end

-- The cursor or the text has changed: keep the suggestion if it still fits, else look for another.
H.follow = function(bufnr)
  local state = H.buffers[bufnr]
  local row, column = text.cursor()
  local here = ('%d:%d:%d'):format(vim.api.nvim_buf_get_changedtick(bufnr), row, column)
  if here == state.here then
    return
  end
  state.here = here
  local remaining = H.remaining(bufnr, H.current(state))
  if remaining and remaining ~= '' then
    H.draw(bufnr)
    return
  end
  H.clear(bufnr)
  state.here = here
  if vim.fn.mode():sub(1, 1) == 'i' then
    state.timer = vim.defer_fn(function()
      H.request(bufnr, AUTOMATIC)
    end, require('halfline').config.debounce_ms)
  end
end

-- Take everything away: what is shown, what is asked, what is about to be asked.
H.clear = function(bufnr)
  local state = H.buffers[bufnr]
  if state.timer and not state.timer:is_closing() then
    state.timer:stop()
    state.timer:close()
  end
  state.timer = nil
  H.cancel(state)
  state.suggestions, state.index, state.invoked, state.here = {}, 1, false, ''
  H.hide(bufnr)
end

H.cancel = function(state)
  if state.request then
    compat.cancel(state.client, state.request)
    state.request = nil
  end
end

H.hide = function(bufnr)
  H.buffers[bufnr].shown = false
  if vim.api.nvim_buf_is_valid(bufnr) then
    vim.api.nvim_buf_clear_namespace(bufnr, H.namespace, 0, -1)
  end
end

H.request = function(bufnr, trigger_kind, step)
  local state = H.buffers[bufnr]
  if not state or compat.is_stopped(state.client) or bufnr ~= vim.api.nvim_get_current_buf() then
    return
  end
  H.cancel(state)
  local row, column = text.cursor()
  local line = H.line(bufnr, row)
  local asked_at = { row = row, column = column, line = line }
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    position = { line = row, character = compat.column_of_byte(line, column, state.client.offset_encoding) },
    context = { triggerKind = trigger_kind },
  }
  local id
  id = compat.request(state.client, 'textDocument/inlineCompletion', params, function(_, result)
    if H.buffers[bufnr] ~= state or state.request ~= id then
      return
    end
    state.request = nil
    H.receive(bufnr, asked_at, trigger_kind, result or {}, step)
  end, bufnr)
  state.request = id
end

H.receive = function(bufnr, asked_at, trigger_kind, result, step)
  local state = H.buffers[bufnr]
  if bufnr ~= vim.api.nvim_get_current_buf() or vim.fn.mode():sub(1, 1) ~= 'i' then
    return
  end
  local shown_text = step and H.current(state) and H.current(state).text
  local suggestions = {}
  for _, item in ipairs(result.items or result) do
    local suggestion = H.suggestion(item, asked_at, state.client.offset_encoding)
    local remaining = suggestion and H.remaining(bufnr, suggestion)
    if remaining and remaining ~= '' then
      table.insert(suggestions, suggestion)
    end
  end
  if #suggestions == 0 then
    return
  end
  state.suggestions, state.index, state.invoked = suggestions, 1, trigger_kind == INVOKED
  -- Asked for another one than the one on the screen.
  if shown_text == suggestions[1].text and #suggestions > 1 then
    H.show_next(bufnr, step)
  else
    H.draw(bufnr)
  end
  compat.notify(state.client, 'textDocument/didShowCompletion', { item = H.current(state).item })
end

H.show_next = function(bufnr, step)
  local state = H.buffers[bufnr]
  local count = #state.suggestions
  for _ = 1, count do
    state.index = (state.index - 1 + step) % count + 1
    if H.remaining(bufnr, H.current(state)) then
      break
    end
  end
  H.draw(bufnr)
end

-- What an item means here: text, where it starts, what it replaces right of the cursor; nil for what cannot be shown.
H.suggestion = function(item, asked_at, encoding)
  if type(item.insertText) ~= 'string' then
    return nil
  end
  local first, last = asked_at.column, asked_at.column
  if item.range then
    if item.range.start.line ~= asked_at.row or item.range['end'].line ~= asked_at.row then
      return nil
    end
    first = compat.byte_of_column(asked_at.line, item.range.start.character, encoding)
    last = compat.byte_of_column(asked_at.line, item.range['end'].character, encoding)
  end
  return {
    item = item,
    text = item.insertText,
    row = asked_at.row,
    column = first,
    before = asked_at.line:sub(1, first),
    tail = asked_at.line:sub(asked_at.column + 1, math.max(last, asked_at.column)),
  }
end

-- What of a suggestion is still to come at the cursor, and what stands there of it already; nil if it does not fit.
H.remaining = function(bufnr, suggestion)
  if not suggestion then
    return nil
  end
  local row, column = text.cursor()
  if H.line(bufnr, suggestion.row):sub(1, suggestion.column) ~= suggestion.before then
    return nil
  end
  if H.line(bufnr, row):sub(column + 1, column + #suggestion.tail) ~= suggestion.tail then
    return nil
  end
  return text.remaining(bufnr, suggestion.text, suggestion.row, suggestion.column)
end

H.draw = function(bufnr)
  local state = H.buffers[bufnr]
  local suggestion = H.current(state)
  local remaining = H.remaining(bufnr, suggestion)
  if not remaining then
    return
  end
  local lines = vim.split(remaining, '\n', { plain = true })
  local place = 'inline'
  if suggestion.tail ~= '' then
    if #lines == 1 and vim.endswith(lines[1], suggestion.tail) then
      -- What closes the line is there already: show what comes before it.
      lines[1] = lines[1]:sub(1, #lines[1] - #suggestion.tail)
    else
      place = 'overlay'
    end
  end
  local chunks = {}
  for index, line in ipairs(lines) do
    chunks[index] = { { H.with_spaces(bufnr, line), 'HalflineGhost' } }
  end
  local row, column = text.cursor()
  H.hide(bufnr)
  vim.api.nvim_buf_set_extmark(bufnr, H.namespace, row, column, {
    virt_text = chunks[1],
    virt_text_pos = place,
    virt_lines = #chunks > 1 and vim.list_slice(chunks, 2) or nil,
    hl_mode = 'combine',
  })
  state.shown = true
end

-- Virtual text has no tab stops.
H.with_spaces = function(bufnr, line)
  return (line:gsub('\t', (' '):rep(vim.bo[bufnr].tabstop)))
end

H.notify_partly_accepted = function(state, suggestion, accepted)
  compat.notify(state.client, 'textDocument/didPartiallyAcceptCompletion', {
    item = suggestion.item,
    acceptedLength = compat.column_of_byte(accepted, #accepted, 'utf-16'),
  })
end

H.line = function(bufnr, row)
  return vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
end

return M
