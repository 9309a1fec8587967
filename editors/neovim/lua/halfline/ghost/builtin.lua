--- Ghost text drawn by Neovim 0.12 itself (`vim.lsp.inline_completion`), steered from outside through its public
--- functions, where it falls short:
---
--- - it leaves requests in flight while one types on: they are cancelled here;
--- - it keeps showing a suggestion the typing has left, and accepts by the position of long ago: hidden and checked here;
--- - it has no accept-word, accept-line and trigger: made here.

local compat = require('halfline.compat')
local plugin = require('halfline.ghost.plugin')
local text = require('halfline.ghost.text')

local M = {}
local H = { clients = {}, before_typing = {} }

M.attach = function(client, bufnr)
  H.clients[bufnr] = client
  -- Enabled before our own events, so that it has drawn when they come.
  vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
  local group = vim.api.nvim_create_augroup('halfline.builtin.' .. bufnr, { clear = true })
  local on = function(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = callback })
  end
  on('InsertCharPre', function()
    H.remember(bufnr)
  end)
  on({ 'CursorMovedI', 'TextChangedI' }, function()
    if H.still_fits(bufnr) then
      H.before_typing[bufnr] = nil
    else
      H.drop(bufnr, true)
    end
    H.cancel_pending(bufnr)
    plugin.detach(bufnr)
  end)
  on({ 'InsertLeave', 'BufLeave' }, function()
    H.before_typing[bufnr] = nil
    plugin.detach(bufnr)
  end)
end

M.detach = function(bufnr)
  if H.clients[bufnr] then
    H.clients[bufnr], H.before_typing[bufnr] = nil, nil
    pcall(vim.api.nvim_del_augroup_by_name, 'halfline.builtin.' .. bufnr)
    plugin.detach(bufnr)
    if vim.api.nvim_buf_is_valid(bufnr) then
      vim.lsp.inline_completion.enable(false, { bufnr = bufnr })
    end
  end
end

M.is_visible = function(bufnr)
  return plugin.is_visible(bufnr) or (H.shown_text(bufnr) ~= nil and H.still_fits(bufnr))
end

M.accept = function(bufnr, part)
  if plugin.is_visible(bufnr) then
    plugin.accept(bufnr, part)
    return
  end
  vim.lsp.inline_completion.get({
    bufnr = bufnr,
    on_accept = function(item)
      H.insert(bufnr, item, part)
    end,
  })
end

M.select = function(bufnr, step)
  if plugin.is_visible(bufnr) then
    plugin.select(bufnr, step)
  else
    vim.lsp.inline_completion.select({ bufnr = bufnr, count = step })
  end
end

M.dismiss = function(bufnr)
  if plugin.is_visible(bufnr) then
    plugin.dismiss(bufnr)
  else
    H.drop(bufnr, false)
  end
end

M.trigger = function(client, bufnr)
  H.drop(bufnr, false)
  H.cancel_pending(bufnr)
  plugin.trigger(client, bufnr)
end

-- Helpers =====================================================================

-- The first line of what Neovim shows, or nil.
H.shown_text = function(bufnr)
  local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
  local mark = namespace and vim.api.nvim_buf_get_extmarks(bufnr, namespace, 0, -1, { details = true, limit = 1 })[1]
  if not mark then
    return nil
  end
  local details = mark[4]
  local text = details.virt_text and details.virt_text[1] and details.virt_text[1][1] or ''
  -- Typed to its end, it is still there with nothing to show.
  return (text ~= '' or details.virt_lines) and text or nil
end

-- What is shown where, before characters come: several may come before Neovim tells of a change.
H.remember = function(bufnr)
  local shown = not H.before_typing[bufnr] and H.shown_text(bufnr)
  if shown then
    local row, column = text.cursor()
    H.before_typing[bufnr] = { shown = shown, row = row, column = column }
  end
end

-- Whether what was typed since then is how the suggestion went on.
H.still_fits = function(bufnr)
  local before = H.before_typing[bufnr]
  if not before then
    return true
  end
  local row = text.cursor()
  return row == before.row and text.remaining(bufnr, before.shown, before.row, before.column) ~= nil
end

-- Make Neovim forget the suggestion, and look for another one if the typing goes on.
H.drop = function(bufnr, again)
  local there = vim.lsp.inline_completion.get({
    bufnr = bufnr,
    on_accept = function()
      H.before_typing[bufnr] = nil
      if again then
        -- Forgetting stops its timer as well; the event starts it again.
        local group = ('nvim.lsp.inline_completion:%d'):format(bufnr)
        pcall(vim.api.nvim_exec_autocmds, 'CursorMovedI', { group = group, buffer = bufnr })
      end
    end,
  })
  if not there then
    H.before_typing[bufnr] = nil
  end
end

H.cancel_pending = function(bufnr)
  local client = H.clients[bufnr]
  for id, request in pairs(client.requests) do
    local ours = request.bufnr == bufnr and request.method == 'textDocument/inlineCompletion'
    if ours and request.type == 'pending' then
      compat.cancel(client, id)
    end
  end
end

-- Insert what of the item is still to come at the cursor. Its range is from when it was asked for: what has been typed
-- since must be a beginning of it, or nothing is inserted.
H.insert = function(bufnr, item, part)
  if type(item.insert_text) ~= 'string' then
    vim.snippet.expand(item.insert_text.value)
    return
  end
  local row, column = text.cursor()
  local last = column
  if item.range then
    row, column, _, last = item.range:to_extmark()
  end
  local remaining = text.remaining(bufnr, item.insert_text, row, column)
  if not remaining then
    return
  end
  local accepted = text.part(remaining, part)
  local whole = accepted == remaining
  text.insert(bufnr, accepted, whole and H.replaced(bufnr, remaining, row, column, last) or 0)
  if whole and item.command then
    compat.execute(H.clients[bufnr], item.command, bufnr)
  end
end

-- How many bytes right of the cursor the range covers. Where one has typed since, the range's end lags behind: then
-- what the text ends with counts, if it stands there.
H.replaced = function(bufnr, remaining, row, first, last)
  local cursor_row, column = text.cursor()
  if cursor_row ~= row then
    return 0
  end
  local line = vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1]
  local least = math.max(0, math.min(last, #line) - column)
  for count = math.min(last - first, #line - column), least + 1, -1 do
    if vim.endswith(remaining, line:sub(column + 1, column + count)) then
      return count
    end
  end
  return least
end

return M
