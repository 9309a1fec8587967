-- What the plugin does with questions and what a server answers: in a window, at lenses, in a chat. Run by unit.lua.

local MiniTest = _G.MiniTest
local eq, new_set = MiniTest.expect.equality, MiniTest.new_set
local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, 'S').source:sub(2)))
local H = dofile(vim.fs.joinpath(here, 'harness.lua'))
local child, wait, write_script, heard, wait_heard, setup = H.child, H.wait, H.write_script, H.heard, H.wait_heard, H.setup
local open, lines, wait_lines = H.open, H.lines, H.wait_lines

local T = H.new_set()

-- Questions ===================================================================

T['questions'] = new_set({ parametrize = { { 'float' }, { 'split' } } })

local ANSWER = {
  parts = {
    { kind = 'status', text = 'reading' },
    { kind = 'evidence', path = 'main.py', lines = { 1, 2 }, why = 'the line' },
    { kind = 'text', text = 'The name `y`\nis not ' },
    { kind = 'text', text = 'defined.' },
  },
  result = { text = 'The name `y`\nis not defined.', citations = { { path = 'main.py', line = 1, ok = true } } },
}

local set_diagnostic = function(row, column, end_column)
  child.lua(
    [[
      local row, column, end_column = ...
      vim.diagnostic.set(vim.api.nvim_create_namespace('test'), 0, {
        { lnum = row, col = column, end_col = end_column, message = 'undefined name\nhelp: define it', code = 'F821',
          source = 'lint', severity = vim.diagnostic.severity.ERROR },
      })
    ]],
    { row, column, end_column }
  )
end

local wait_answer = function(text)
  wait(function()
    return table.concat(lines(), '\n'):find(text, 1, true) ~= nil
  end, ('%s in %s'):format(text, vim.inspect(lines())))
end

T['where the cursor rests is told to the server, with the diagnostic there'] = function()
  write_script({ answer = ANSWER })
  setup({})
  open({ 'x = 1', 'y = z' })
  set_diagnostic(1, 4, 5)
  child.api.nvim_win_set_cursor(0, { 2, 4 })
  child.cmd('doautocmd CursorHold')
  local params = wait_heard('textDocument/codeAction')[1].params
  eq(params.range.start, { line = 1, character = 4 })
  eq(params.context.diagnostics[1].message, 'undefined name\nhelp: define it')
  eq(params.context.triggerKind, 2)
end

T['questions']['explain sends the diagnostic under the cursor and shows the answer as it comes'] = function(window)
  write_script({ answer = vim.tbl_extend('force', ANSWER, { hold = true }) })
  setup({ answer_window = window })
  open({ 'x = "é😀" + y' })
  set_diagnostic(0, 13, 14)
  child.cmd('Halfline explain')
  wait_answer('The name `y`\nis not defined.')
  wait_answer('main.py:1 · the line')
  eq(child.api.nvim_win_get_config(0).relative ~= '', window == 'float')

  local params = wait_heard('workspace/executeCommand')[1].params
  local argument = params.arguments[1]
  eq(params.command, 'halfline.explain')
  eq(type(params.partialResultToken), 'string')
  eq(argument.diagnostics[1].message, 'undefined name\nhelp: define it')
  eq(argument.diagnostics[1].code, 'F821')
  -- 13 bytes are 10 units of UTF-16.
  eq(argument.diagnostics[1].range.start, { line = 0, character = 10 })
  eq(argument.uri, vim.uri_from_fname(H.directory .. '/main.py'))

  child.type_keys('q')
  local asked = heard('workspace/executeCommand')[1]
  eq(wait_heard('$/cancelRequest')[1].params.id, asked.id)
  eq(#child.api.nvim_list_wins(), 1)
end

T['questions']['the answer of a server that does not stream is shown whole, cited places open'] = function(window)
  write_script({ answer = { result = ANSWER.result } })
  setup({ answer_window = window })
  open({ 'y', 'z' })
  set_diagnostic(1, 0, 1)
  child.cmd('Halfline explain')
  wait_answer('is not defined.')
  wait_answer('main.py:1')
  child.type_keys('G', '<CR>')
  eq(child.api.nvim_buf_get_name(0), H.directory .. '/main.py')
  eq(child.api.nvim_win_get_cursor(0), { 1, 0 })
end

T['questions']['an error is shown where the answer would be'] = function(window)
  write_script({ answer = { error = 'no model is installed' } })
  setup({ answer_window = window })
  open({ 'y' })
  set_diagnostic(0, 0, 1)
  child.cmd('Halfline explain')
  wait_answer('No answer: no model is installed')
end

T['questions']['explain without a diagnostic leaves it to the server to find what is wrong'] = function(window)
  write_script({ answer = ANSWER })
  setup({ answer_window = window })
  open({ 'y' })
  child.cmd('Halfline explain')
  wait_answer('is not defined.')
  local argument = heard('workspace/executeCommand')[1].params.arguments[1]
  eq(argument.diagnostics, nil)
  eq(argument.position, { line = 0, character = 0 })
end

T['questions']['ask sends the question and the selected lines'] = function(window)
  write_script({ answer = ANSWER })
  setup({ answer_window = window })
  open({ 'a', 'b', 'c' })
  child.cmd('2,3Halfline ask why is this slow?')
  wait_answer('is not defined.')
  local argument = heard('workspace/executeCommand')[1].params.arguments[1]
  eq(argument.question, 'why is this slow?')
  eq(argument.uri, vim.uri_from_fname(H.directory .. '/main.py'))
  eq(argument.range, { start = { line = 1, character = 0 }, ['end'] = { line = 3, character = 0 } })
end

T['questions']['test, doc and review ask the server, and say how the answer came to be'] = function(window)
  local result = { text = 'Done.', tools = {}, notes = { 'one failed: it is down' } }
  write_script({ answer = { parts = { { kind = 'tool', note = 'called search x: 2 lines' } }, result = result } })
  setup({ answer_window = window })
  open({ 'def f():', '    pass' })
  local ask = function(line)
    child.cmd(line)
    wait_answer('one failed: it is down')
    wait_answer('called search x: 2 lines')
    child.type_keys('q')
    local all = heard('workspace/executeCommand')
    return all[#all].params
  end
  local test = ask('Halfline test')
  eq({ test.command, test.arguments[1].position.line, test.arguments[1].apply }, { 'halfline.test', 1, true })
  eq(ask('Halfline doc').command, 'halfline.doc')
  local review = ask('Halfline review staged')
  eq({ review.command, review.arguments[1].staged }, { 'halfline.review', true })
  eq(review.arguments[1].uri, vim.uri_from_fname(H.directory .. '/main.py'))
  eq(ask('Halfline run pytest -q').arguments[1].command, { 'pytest', '-q' })
  eq(ask('Halfline debug pytest -q').arguments[1].apply, true)
end

T['questions']['why shows the prompt, the sources and the route'] = function(window)
  write_script({
    answer = {
      result = {
        kind = 'answer',
        model = 'large',
        prompt = 'The ``` prompt',
        text = 'x',
        sources = { { path = 'main.py', lines = { 1, 2 }, why = 'the file' } },
        route = { engine = 'remote', why = 'it is long' },
        tokens = { prompt = 9, reused = 0, generated = 2 },
      },
    },
  })
  setup({ answer_window = window })
  open({ 'a', 'b' })
  child.cmd('Halfline why')
  wait_answer('remote: it is long')
  wait_answer('- main.py:1 · the file')
  wait_answer('````\nThe ``` prompt\n````')
end

T['questions']['commit fills an empty commit message'] = function(window)
  write_script({ answer = { result = { text = 'Add a thing', message = 'Add a thing\n\nIt does.' } } })
  setup({ answer_window = window })
  open({ 'a' })
  child.cmd('edit ' .. H.directory .. '/COMMIT_EDITMSG | setfiletype gitcommit')
  child.api.nvim_buf_set_lines(0, 0, -1, false, { '', '# Please enter the message' })
  child.cmd('Halfline commit')
  wait_answer('Add a thing')
  child.type_keys('q')
  wait_lines({ 'Add a thing', '', 'It does.', '# Please enter the message' })
end

-- Lenses ======================================================================

T['lenses'] = new_set()

T['lenses']['of a test that failed ask why, in the answer window'] = function()
  local range = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 0 } }
  local argument = { question = 'Why does it fail?', failure = 'test_a' }
  local command = { title = 'why does this fail?', command = 'halfline.ask', arguments = { argument } }
  write_script({ answer = ANSWER, lenses = { { range = range, command = command } } })
  setup()
  open({ 'def test_a():', '    assert False' })
  wait_heard('textDocument/codeLens')
  wait(function()
    return #child.lua_get('vim.lsp.codelens.get(0)') == 1
  end, 'the lens')
  child.type_keys('gg')
  child.lua('vim.lsp.codelens.run()')
  wait_answer('is not defined.')
  local asked = heard('workspace/executeCommand')[1].params
  eq({ asked.command, asked.arguments[1].failure, type(asked.partialResultToken) }, { 'halfline.ask', 'test_a', 'string' })
end

-- Chat ========================================================================

T['chat'] = new_set()

local CHAT = {
  ['halfline.chat.list'] = { result = { chats = { { id = 'c1', title = 'Of yesterday', turns = 1 } }, damaged = {} } },
  ['halfline.chat.show'] = {
    result = { id = 'c1', turns = { { question = 'Of yesterday', answer = 'An old answer.' } } },
  },
  ['halfline.chat.delete'] = { result = { deleted = 'c1' } },
  ['halfline.chat.send'] = {
    parts = vim.list_extend({ { kind = 'tool', note = 'called search' } }, ANSWER.parts),
    result = vim.tbl_extend('force', ANSWER.result, { chat = { id = 'c2', title = 'Why?' }, notes = { 'one failed' } }),
  },
}

local sent = function()
  return vim.tbl_filter(function(message)
    return message.params.command == 'halfline.chat.send'
  end, heard('workspace/executeCommand'))
end

T['chat']['streams, goes on, and its places open'] = function()
  write_script({ answers = CHAT })
  setup()
  open({ 'y', 'z' })
  child.cmd('Halfline chat Why?')
  wait_answer('> Why?\n\nThe name `y`\nis not defined.')
  wait_answer('- one failed')
  wait_answer('- called search')
  eq(sent()[1].params.arguments[1].id, nil)
  eq(sent()[1].params.arguments[1].uri, vim.uri_from_fname(H.directory .. '/main.py'))

  child.lua([[vim.ui.input = function(_, callback) callback('And then?') end]])
  child.type_keys('a')
  wait_answer('> And then?')
  wait(function()
    return #sent() == 2
  end, 'the second message')
  eq(sent()[2].params.arguments[1].id, 'c2')
  eq(sent()[2].params.arguments[1].message, 'And then?')

  child.fn.search('main.py:1')
  child.type_keys('<CR>')
  eq(child.api.nvim_buf_get_name(0), H.directory .. '/main.py')
  eq(child.api.nvim_win_get_cursor(0)[1], 1)
end

T['chat']['goes on with the last one, begins another and deletes'] = function()
  write_script({ answers = CHAT })
  setup()
  open({ 'y' })
  child.lua([[vim.ui.input = function() end; vim.fn.confirm = function() return 1 end]])
  child.cmd('Halfline chat')
  wait_answer('> Of yesterday\n\nAn old answer.')
  child.type_keys('n')
  wait_lines({ '' })
  child.lua([[vim.ui.select = function(items, _, callback) callback(items[1]) end]])
  child.type_keys('o')
  wait_answer('An old answer.')
  child.type_keys('d')
  wait_lines({ '' })
end

T['chat']['stops an answer, and says what went wrong'] = function()
  local held = vim.deepcopy(CHAT)
  held['halfline.chat.send'].hold = true
  write_script({ answers = held })
  setup()
  open({ 'y' })
  child.cmd('1Halfline chat Why?')
  wait_answer('is not defined.')
  child.type_keys('<C-c>')
  eq(wait_heard('$/cancelRequest')[1].params.id, sent()[1].id)
  wait_answer('Stopped.')
  write_script({ answers = { ['halfline.chat.send'] = { error = '@src/none.rs: there is no such file' } } })
  child.cmd('Halfline chat see @src/none.rs')
  wait_answer('No answer: @src/none.rs: there is no such file')
end

return T
