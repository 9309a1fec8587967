--- Questions to the server: explain, fix, ask, test, document, review. All stream into an answer window.

local answer = require('halfline.answer')
local cited = require('halfline.cited')
local compat = require('halfline.compat')
local say = require('halfline.say')
local server = require('halfline.server')
local status = require('halfline.status')

local M = {}
local H = {}

M.explain = function()
  local bufnr = vim.api.nvim_get_current_buf()
  local client = server.client_or_say(bufnr)
  if not client then
    return
  end
  local cursor = vim.api.nvim_win_get_cursor(0)
  local diagnostics = M.diagnostics_at_cursor(client, bufnr)
  local subject = diagnostics[1] and H.first_line(diagnostics[1].message) or ('line ' .. cursor[1])
  H.stream(client, bufnr, 'explain', subject, 'halfline.explain', {
    uri = vim.uri_from_bufnr(bufnr),
    position = H.position(client, bufnr, cursor[1] - 1, cursor[2]),
    -- Without any, the server runs a checker. An empty table would go out as an object.
    diagnostics = #diagnostics > 0 and diagnostics or nil,
  })
end

--- What any server says about the place of the cursor, in the words of LSP, the gravest first.
M.diagnostics_at_cursor = function(client, bufnr)
  return vim.tbl_map(function(diagnostic)
    return H.to_lsp(client, bufnr, diagnostic)
  end, H.at_cursor(bufnr))
end

--- The server proves a change, shows it in the answer window, and asks before it is made.
M.fix = function()
  H.change_at_cursor('fix')
end

--- The same for unit tests of the function under the cursor.
M.test = function()
  H.change_at_cursor('test')
end

--- The same for documentation of the definition under the cursor.
M.doc = function()
  H.change_at_cursor('doc')
end

--- What is wrong with what has changed.
---
---@param staged boolean|nil Only what is staged.
M.review = function(staged)
  local subject = staged and 'what is staged' or 'what has changed'
  H.about_folder('review', subject, 'halfline.review', { staged = staged or false })
end

--- A message for what is staged. In an empty commit message it is filled in.
M.commit = function()
  local bufnr = vim.api.nvim_get_current_buf()
  H.about_folder('commit', 'what is staged', 'halfline.commitMessage', {}, function(result)
    if vim.api.nvim_buf_is_valid(bufnr) and vim.bo[bufnr].filetype == 'gitcommit' and result.message then
      local first = vim.api.nvim_buf_get_lines(bufnr, 0, 1, false)[1]
      if first == '' then
        vim.api.nvim_buf_set_lines(bufnr, 0, 1, false, vim.split(result.message, '\n', { plain = true }))
      end
    end
  end)
end

--- Run a command on a copy of the workspace. Tests that fail get a lens each.
---
---@param command string[]
M.run = function(command)
  local argument = { command = command }
  H.about_folder('run', table.concat(command, ' '), 'halfline.run', argument)
end

--- Find the change that makes a command pass, and ask whether to make it.
---
---@param command string[]
M.debug = function(command)
  local argument = { command = command, apply = true }
  H.about_folder('debug', table.concat(command, ' '), 'halfline.debugCommand', argument)
end

--- What a code action or a lens of the server asks for. Its answer is shown like that of any other question.
---
---@param command { command: string, title: string|nil, arguments: table[]|nil }
---@param context { bufnr: integer, client_id: integer }
M.of_server = function(command, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  if client then
    local title = command.command:gsub('^halfline%.', '')
    local argument = (command.arguments or {})[1] or vim.empty_dict()
    H.stream(client, context.bufnr, title, command.title or title, command.command, argument)
  end
end

M.ask = function(question, first, last)
  local bufnr = vim.api.nvim_get_current_buf()
  local client = server.client_or_say(bufnr)
  if not client then
    return
  end
  local about = { question = question }
  if server.is_file(bufnr) then
    about.uri = vim.uri_from_bufnr(bufnr)
  end
  if about.uri and first then
    about.range = { start = { line = first - 1, character = 0 }, ['end'] = { line = last or first, character = 0 } }
  end
  H.stream(client, bufnr, 'ask', question, 'halfline.ask', about)
end

--- What the last answer or completion rests on: the prompt word for word, sources, model, route.
---
---@param kind 'answer'|'completion'|nil
M.why = function(kind)
  local client = server.client_or_say(vim.api.nvim_get_current_buf())
  if not client then
    return
  end
  local argument = kind and { kind = kind } or vim.empty_dict()
  local window = H.open(client, 'why', 'the last ' .. (kind or 'answer or completion'), function() end)
  H.execute(client, 'halfline.why', argument, nil, function(err, result)
    if err then
      window.fail(err.message)
    else
      window.finish({ text = H.why_words(client, result) })
    end
  end)
end

--- Show what the server knows of itself.
M.status = function()
  local client = server.client_or_say(vim.api.nvim_get_current_buf())
  if not client then
    return
  end
  H.execute(client, 'halfline.status', {}, nil, function(err, result)
    if err then
      say.warn('the server could not tell: ' .. err.message)
    else
      say.info(H.status_words(result))
    end
  end)
end

-- Helpers =====================================================================

-- A change to the code at the cursor, which the server asks about before it is made.
H.change_at_cursor = function(name)
  local bufnr = vim.api.nvim_get_current_buf()
  local client = server.client_or_say(bufnr)
  if not client then
    return
  end
  local cursor = vim.api.nvim_win_get_cursor(0)
  H.stream(client, bufnr, name, 'line ' .. cursor[1], 'halfline.' .. name, {
    uri = vim.uri_from_bufnr(bufnr),
    position = H.position(client, bufnr, cursor[1] - 1, cursor[2]),
    apply = true,
  })
end

-- A question about the folder that the current file lies in.
H.about_folder = function(title, subject, command, argument, on_result)
  local bufnr = vim.api.nvim_get_current_buf()
  local client = server.client_or_say(bufnr)
  if not client then
    return
  end
  if server.is_file(bufnr) then
    argument.uri = vim.uri_from_bufnr(bufnr)
  end
  argument = next(argument) and argument or vim.empty_dict()
  H.stream(client, bufnr, title, subject, command, argument, on_result)
end

H.open = function(client, title, subject, on_close, on_more)
  return answer.open({
    on_more = on_more,
    title = title,
    subject = subject,
    root = client.root_dir or client.config.root_dir,
    origin = vim.api.nvim_get_current_win(),
    on_close = on_close,
  })
end

H.stream = function(client, bufnr, title, subject, command, argument, on_result)
  local request, window
  local token = status.open_stream(function(value)
    window.add(value)
  end)
  local on_close = function()
    status.close_stream(token)
    if request then
      compat.cancel(client, request)
    end
  end
  local on_more = H.has_more[command] and not argument.detail and function()
    H.stream(client, bufnr, title, subject, command, vim.tbl_extend('force', argument, { detail = true }), on_result)
  end
  window = H.open(client, title, subject, on_close, on_more or nil)
  request = H.execute(client, command, argument, token, function(err, result)
    request = nil
    status.close_stream(token)
    if err then
      window.fail(err.message)
    else
      window.finish(result)
      if on_result and type(result) == 'table' then
        on_result(result)
      end
    end
  end, bufnr)
  if not request then
    window.fail('the server is not running; `:Halfline restart` starts it')
  end
end

-- Commands that answer at length when they are asked again.
H.has_more = { ['halfline.explain'] = true, ['halfline.ask'] = true }

H.execute = function(client, command, argument, token, on_done, bufnr)
  return compat.request(client, 'workspace/executeCommand', {
    command = command,
    arguments = { argument },
    partialResultToken = token,
  }, on_done, bufnr)
end

-- "0.1.0, ready: qwen2.5-coder on cpu, in /home/ada/project, 3 open files"
H.status_words = function(result)
  local engine = result.engine
  local words = ('%s, %s: %s'):format(result.version, engine.state, engine.message)
  if result.workspace then
    words = ('%s, in %s'):format(words, vim.fn.fnamemodify(result.workspace, ':~'))
  end
  return ('%s, %d open %s'):format(words, result.documents, result.documents == 1 and 'file' or 'files')
end

-- The model and why it was asked, the places with the reason for each, and the prompt as it was.
H.why_words = function(client, result)
  local root = client.root_dir or client.config.root_dir
  local words = { ('%s, %s'):format(result.kind, result.model) }
  if type(result.route) == 'table' then
    table.insert(words, ('%s: %s'):format(result.route.engine, result.route.why))
  end
  table.insert(words, ('%d tokens read, %d written'):format(result.tokens.prompt, result.tokens.generated))
  for _, source in ipairs(result.sources or {}) do
    table.insert(words, '- ' .. cited.describe(root, source))
  end
  -- A fence that nothing in the prompt closes.
  local longest = 2
  for ticks in result.prompt:gmatch('`+') do
    longest = math.max(longest, #ticks)
  end
  local fence = ('`'):rep(longest + 1)
  vim.list_extend(words, { '', fence, result.prompt, fence })
  return table.concat(words, '\n')
end

-- Those that hold the cursor; where none does, all of the line. The gravest first.
H.at_cursor = function(bufnr)
  local cursor = vim.api.nvim_win_get_cursor(0)
  local row, column = cursor[1] - 1, cursor[2]
  local of_line = vim.tbl_filter(function(diagnostic)
    return diagnostic.lnum <= row and row <= (diagnostic.end_lnum or diagnostic.lnum)
  end, vim.diagnostic.get(bufnr))
  local at_cursor = vim.tbl_filter(function(diagnostic)
    local after_start = diagnostic.lnum < row or diagnostic.col <= column
    local before_end = (diagnostic.end_lnum or row) > row or column < (diagnostic.end_col or math.huge)
    return after_start and before_end
  end, of_line)
  local found = #at_cursor > 0 and at_cursor or of_line
  table.sort(found, function(left, right)
    return left.severity < right.severity
  end)
  return found
end

-- Positions are made anew: those of another server may be in another encoding.
H.to_lsp = function(client, bufnr, diagnostic)
  local original = vim.tbl_get(diagnostic, 'user_data', 'lsp') or {}
  local end_row, end_column = diagnostic.end_lnum or diagnostic.lnum, diagnostic.end_col or diagnostic.col
  return {
    range = {
      start = H.position(client, bufnr, diagnostic.lnum, diagnostic.col),
      ['end'] = H.position(client, bufnr, end_row, end_column),
    },
    severity = diagnostic.severity,
    message = diagnostic.message,
    source = diagnostic.source,
    code = diagnostic.code or original.code,
    relatedInformation = original.relatedInformation,
  }
end

H.position = function(client, bufnr, row, column)
  local line = vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
  return { line = row, character = compat.column_of_byte(line, column, client.offset_encoding) }
end

H.first_line = function(text)
  return (text:match('^[^\n]*'))
end

return M
