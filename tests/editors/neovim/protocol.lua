-- What the plugin does with what a server says, against stub_server.py, in a child Neovim. Run by unit.lua.

local MiniTest = _G.MiniTest
local eq, new_set = MiniTest.expect.equality, MiniTest.new_set
local here = vim.uv.fs_realpath(vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, 'S').source:sub(2))))
local plugin = vim.fs.joinpath(vim.fs.dirname(vim.fs.dirname(vim.fs.dirname(here))), 'editors', 'neovim')

local child = MiniTest.new_child_neovim()
local directory, script, log

-- Wait for a condition; what it returned last is in the error.
local wait = function(condition, what)
  local value
  local ok = vim.wait(10000, function()
    value = condition()
    return value
  end, 20)
  if not ok then
    error(('waited for %s; the last value was %s'):format(what, vim.inspect(value)), 2)
  end
  return value
end

local write_script = function(content)
  -- At once, by renaming: the server may be reading it.
  vim.fn.writefile({ vim.json.encode(content) }, script .. '.new')
  vim.uv.fs_rename(script .. '.new', script)
end

-- All messages of a method that the server has heard.
local heard = function(method)
  if not vim.uv.fs_stat(log) then
    return {}
  end
  -- The last line may be half written.
  local complete = table.concat(vim.fn.readfile(log, 'b'), '\n'):match('^.*\n') or ''
  local messages = vim.tbl_map(vim.json.decode, vim.split(complete, '\n', { trimempty = true }))
  return vim.tbl_filter(function(message)
    return message.method == method
  end, messages)
end

local wait_heard = function(method, count)
  wait(function()
    return #heard(method) >= (count or 1)
  end, ('%s heard %d times'):format(method, count or 1))
  return heard(method)
end

local setup = function(config)
  child.lua(
    [[
      local config, stub = ...
      config.cmd = config.cmd or stub
      require('halfline').setup(config)
    ]],
    { config or vim.empty_dict(), { 'python3', vim.fs.joinpath(here, 'stub_server.py'), script, log } }
  )
end

-- Open a file with these lines and the cursor at the end of the last one; wait for the server to know it.
local open = function(lines, name)
  local path = vim.fs.joinpath(directory, name or 'main.py')
  vim.fn.writefile(lines or { '' }, path)
  local before = #heard('textDocument/didOpen')
  child.cmd('edit ' .. path)
  child.bo.expandtab = false
  child.type_keys('G$')
  wait_heard('textDocument/didOpen', before + 1)
end

-- The ghost text on the screen, whoever draws it.
local ghost = function()
  return child.lua_get([[(function()
    local text = ''
    for name, namespace in pairs(vim.api.nvim_get_namespaces()) do
      if name == 'halfline.ghost' or name == 'nvim.lsp.inline_completion' then
        for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
          local lines = { mark[4].virt_text or {}, unpack(mark[4].virt_lines or {}) }
          text = text .. table.concat(vim.tbl_map(function(line)
            return table.concat(vim.tbl_map(function(chunk) return chunk[1] end, line))
          end, lines), '\n')
        end
      end
    end
    return text
  end)()]])
end

local wait_ghost = function(text)
  wait(function()
    return ghost() == text
  end, ('ghost text %s, not %s'):format(vim.inspect(text), vim.inspect(ghost())))
end

local lines = function()
  return child.api.nvim_buf_get_lines(0, 0, -1, false)
end

local wait_lines = function(expected)
  wait(function()
    return vim.deep_equal(lines(), expected)
  end, ('lines %s, not %s'):format(vim.inspect(expected), vim.inspect(lines())))
end

local messages = function()
  return child.lua_get('_G.messages')
end

local wait_message = function(pattern)
  wait(function()
    return table.concat(messages(), '\n'):find(pattern) ~= nil
  end, 'a message like ' .. pattern .. ' in ' .. vim.inspect(messages()))
end

local T = new_set({
  hooks = {
    pre_case = function()
      directory = vim.uv.fs_realpath(vim.fn.fnamemodify(vim.fn.tempname(), ':h')) .. '/case' .. vim.uv.hrtime()
      vim.fn.mkdir(directory .. '/.git', 'p')
      script, log = directory .. '/script.json', directory .. '/log.jsonl'
      write_script(vim.empty_dict())
      child.restart({ '-u', 'NONE', '-i', 'NONE' })
      child.o.lines, child.o.columns = 30, 100
      child.cmd('set runtimepath^=' .. plugin .. ' | filetype on | set noswapfile')
      child.lua([[
        _G.messages = {}
        vim.notify = function(text) table.insert(_G.messages, text) end
      ]])
    end,
    post_once = child.stop,
  },
})

local renderers = { { 'plugin' } }
if vim.fn.has('nvim-0.12') == 1 then
  table.insert(renderers, { 'builtin' })
end

local PRINT = { completions = { { before = 'pri', items = { { insertText = 'nt(x)' } } } } }

-- Ghost text ==================================================================

T['ghost text'] = new_set({ parametrize = renderers })

T['ghost text']['is shown, follows the typing, and goes with the first other key'] = function(renderer)
  write_script(PRINT)
  setup({ ghost_text = renderer })
  open()
  child.type_keys('ipri')
  wait_ghost('nt(x)')
  child.type_keys('n')
  wait_ghost('t(x)')
  child.type_keys('z')
  wait_ghost('')
  child.type_keys('<Tab>')
  wait_lines({ 'prinz\t' })
end

T['ghost text']['is accepted with Tab'] = function(renderer)
  write_script(PRINT)
  setup({ ghost_text = renderer })
  open()
  child.type_keys('ipri')
  wait_ghost('nt(x)')
  child.type_keys('<Tab>')
  wait_lines({ 'print(x)' })
  wait_ghost('')
  child.type_keys('!')
  wait_lines({ 'print(x)!' })
end

T['ghost text']['is accepted after some of it was typed'] = function(renderer)
  write_script({
    completions = {
      { before = 'pri', items = { { insertText = 'print(x)', from = -3 } } },
      { before = 'prin', items = { { insertText = 'print(x)', from = -4 } } },
      { before = 'print', items = { { insertText = 'print(x)', from = -5 } } },
    },
  })
  setup({ ghost_text = renderer })
  open()
  child.type_keys('ipri')
  wait_ghost('nt(x)')
  child.type_keys('nt')
  child.type_keys('<Tab>')
  wait_lines({ 'print(x)' })
end

T['ghost text']['is accepted by word and by line'] = function(renderer)
  write_script({
    completions = {
      { before = 'if', items = { { insertText = ' a_1 == b:\n    return c\n' } } },
      { before = 'if a_1', items = { { insertText = ' == b:\n    return c\n' } } },
      { before = 'if a_1 ==', items = { { insertText = ' b:\n    return c\n' } } },
    },
  })
  setup({ ghost_text = renderer })
  open()
  child.type_keys('iif')
  wait_ghost(' a_1 == b:\n    return c\n')
  child.type_keys('<M-Right>')
  wait_lines({ 'if a_1' })
  wait_ghost(' == b:\n    return c\n')
  child.type_keys('<M-Right>')
  wait_lines({ 'if a_1 ==' })
  wait_ghost(' b:\n    return c\n')
  child.type_keys('<M-C-Right>')
  wait_lines({ 'if a_1 == b:' })
end

T['ghost text']['replaces what its range covers right of the cursor'] = function(renderer)
  write_script({ completions = { { before = 'f(', items = { { insertText = 'a, b)', to = 1 } } } } })
  setup({ ghost_text = renderer })
  open({ 'f)' })
  child.type_keys('i(')
  wait(function()
    return ghost():find('a, b', 1, true) ~= nil
  end, 'ghost text')
  child.type_keys('<Tab>')
  wait_lines({ 'f(a, b)' })
end

T['ghost text']['stands right after characters outside the basic plane'] = function(renderer)
  write_script({ completions = { { before = '"é😀" + x', items = { { insertText = 'x.strip()', from = -1 } } } } })
  setup({ ghost_text = renderer })
  open({ '"é😀" + ' })
  child.type_keys('ax')
  wait_ghost('.strip()')
  child.type_keys('<Tab>')
  wait_lines({ '"é😀" + x.strip()' })
end

T['ghost text']['is dismissed with a key, and the key falls back after that'] = function(renderer)
  write_script(PRINT)
  setup({ ghost_text = renderer, keys = { dismiss = '<C-d>' } })
  open()
  child.cmd('inoremap <C-d> D')
  child.type_keys('ipri')
  wait_ghost('nt(x)')
  child.type_keys('<C-d>')
  wait_ghost('')
  child.type_keys('<C-d>')
  wait_lines({ 'priD' })
end

T['ghost text']['goes when insert mode is left'] = function(renderer)
  write_script(PRINT)
  setup({ ghost_text = renderer })
  open()
  child.type_keys('ipri')
  wait_ghost('nt(x)')
  child.type_keys('<Esc>')
  wait_ghost('')
end

T['ghost text']['is asked for with a key, and then there are several'] = function(renderer)
  write_script({
    completions = { { before = 'pri', items = { { insertText = 'nt(x)' }, { insertText = 'nt(y)' } } } },
  })
  setup({ ghost_text = renderer })
  open({ 'pri' })
  child.type_keys('a')
  child.type_keys('<M-\\>')
  wait_ghost('nt(x)')
  eq(heard('textDocument/inlineCompletion')[1].params.context.triggerKind, 1)
  child.type_keys('<M-]>')
  wait_ghost('nt(y)')
  child.type_keys('<M-[>')
  wait_ghost('nt(x)')
  child.type_keys('<M-]>')
  child.type_keys('<Tab>')
  wait_lines({ 'print(y)' })
end

T['ghost text']['can be switched off and on'] = function(renderer)
  write_script(PRINT)
  setup({ ghost_text = renderer })
  open()
  child.cmd('Halfline disable')
  eq(child.lua_get([[require('halfline').status()]]), 'Halfline: off')
  child.type_keys('ipri')
  child.type_keys('<Esc>')
  child.cmd('Halfline enable')
  child.type_keys('S', 'pri')
  wait_ghost('nt(x)')
  -- The first, disabled insertion asked for nothing.
  for _, request in ipairs(heard('textDocument/inlineCompletion')) do
    eq(request.params.position.character <= 3, true)
  end
end

T['ghost text']['cancels the request that typing has overtaken'] = function(renderer)
  write_script({
    completions = {
      { before = 'pr', items = { { insertText = 'late' } }, delay_ms = 60000 },
      { before = 'pri', items = { { insertText = 'nt(x)' } } },
    },
  })
  setup({ ghost_text = renderer })
  open()
  child.type_keys('ipr')
  local asked = wait_heard('textDocument/inlineCompletion')
  wait(function()
    asked = heard('textDocument/inlineCompletion')
    return asked[#asked].params.position.character == 2
  end, 'the request that takes long')
  child.type_keys('i')
  wait_ghost('nt(x)')
  local cancelled = wait_heard('$/cancelRequest')
  eq(cancelled[#cancelled].params.id, asked[#asked].id)
end

T['plugin'] = new_set()

T['plugin']['asks nothing while one types what is suggested'] = function()
  write_script(PRINT)
  setup({ ghost_text = 'plugin', debounce_ms = 0 })
  open()
  child.type_keys('ipri')
  wait_ghost('nt(x)')
  local before = #heard('textDocument/inlineCompletion')
  child.type_keys('nt(')
  wait_ghost('x)')
  -- Whatever it might still ask would have been heard before this.
  child.cmd('Halfline ask why?')
  wait_heard('workspace/executeCommand')
  eq(#heard('textDocument/inlineCompletion'), before)
end

T['plugin']['says what was shown and how much was taken'] = function()
  write_script({ completions = { { before = 'x', items = { { insertText = 'é😀 y' } } } } })
  setup({ ghost_text = 'plugin' })
  open()
  child.type_keys('ix')
  wait_ghost('é😀 y')
  eq(wait_heard('textDocument/didShowCompletion')[1].params.item.insertText, 'é😀 y')
  child.type_keys('<M-Right>')
  wait_lines({ 'xé😀' })
  eq(wait_heard('textDocument/didPartiallyAcceptCompletion')[1].params.acceptedLength, 3)
end

T['plugin']['an accepted suggestion is one step of undo'] = function()
  write_script(PRINT)
  setup({ ghost_text = 'plugin' })
  open()
  child.type_keys('ipri')
  wait_ghost('nt(x)')
  child.type_keys('<Tab>', '<Esc>')
  wait_lines({ 'print(x)' })
  child.type_keys('u')
  wait_lines({ 'pri' })
end

T['plugin']['leaves Tab to an open menu'] = function()
  write_script(PRINT)
  setup({ ghost_text = 'plugin' })
  open({ 'prince', 'prison', '' })
  child.cmd('inoremap <expr> <Tab> pumvisible() ? "<C-n>" : "<Tab>"')
  child.type_keys('ipri')
  wait_ghost('nt(x)')
  child.type_keys('<C-x><C-n>')
  wait(function()
    return child.fn.pumvisible() == 1
  end, 'the menu')
  child.type_keys('<Tab>')
  wait_lines({ 'prince', 'prison', 'prison' })
end

-- Keys ========================================================================

T['Tab without a suggestion'] = new_set({
  parametrize = {
    { '', 'a\t' },
    { 'inoremap <Tab> T', 'aT' },
    { 'inoremap <expr> <Tab> "E" . "\\<Tab>"', 'aE\t' },
    { 'imap <Tab> <Tab>T', 'a\tT' },
    { 'inoremap <buffer> <Tab> B', 'aB' },
    { [[lua vim.keymap.set('i', '<Tab>', function() return 'L' end, { expr = true })]], 'aL' },
    { [[lua vim.keymap.set('i', '<Tab>', function() vim.api.nvim_put({ 'C' }, 'c', false, true) end)]], 'aC' },
  },
})

T['Tab without a suggestion']['does what it did before'] = function(mapping, expected)
  -- A mapping of the buffer comes before the server, a global one may come after it.
  local first = mapping:find('<buffer>', 1, true) ~= nil
  if first then
    child.cmd('autocmd FileType * ' .. mapping)
  end
  setup()
  open()
  if not first and mapping ~= '' then
    child.cmd(mapping)
  end
  child.type_keys('ia', '<Tab>')
  wait_lines({ expected })
end

T['keys'] = new_set()

T['keys']['give the buffer back its own mapping when the server stops'] = function()
  child.cmd('autocmd FileType * inoremap <buffer> <Tab> B')
  setup()
  open()
  child.lua([[for _, client in ipairs(vim.lsp.get_clients()) do require('halfline.compat').stop(client, true) end]])
  wait(function()
    return child.fn.maparg('<Tab>', 'i') == 'B'
  end, 'the mapping of before')
end

T['keys']['set to false are left alone'] = function()
  setup({ keys = { accept = false } })
  open()
  eq(child.api.nvim_buf_get_keymap(0, 'i')[1] ~= nil, true)
  for _, map in
    ipairs(child.lua_get([[vim.tbl_map(function(map) return map.lhs end, vim.api.nvim_buf_get_keymap(0, 'i'))]]))
  do
    eq(map == '<Tab>', false)
  end
end

-- Server ======================================================================

T['server'] = new_set()

T['server']['missing is said once, with what to do'] = function()
  setup({ cmd = { 'no-such-program', 'lsp' } })
  for _, name in ipairs({ 'a.py', 'b.rs', 'c.py' }) do
    child.cmd('edit ' .. directory .. '/' .. name)
  end
  wait_message("'no%-such%-program' was not found")
  wait_message(':Halfline restart')
  eq(#messages(), 1)
  eq(child.lua_get([[require('halfline').status()]]), 'Halfline: not installed')
  child.cmd('Halfline restart')
  wait(function()
    return #messages() == 2
  end, 'the message again after a restart')
end

T['server']['that crashes is said once, and not started again by itself'] = function()
  write_script({ crash = 3 })
  setup()
  child.cmd('edit ' .. directory .. '/a.py')
  wait_message('the server stopped %(exit code 3%)')
  eq(child.lua_get([[require('halfline').status()]]), 'Halfline: stopped')
  child.cmd('edit ' .. directory .. '/b.py')
  child.cmd('edit ' .. directory .. '/c.py')
  eq(#heard('initialize'), 1)

  write_script(PRINT)
  child.cmd('Halfline restart')
  wait_heard('initialize', 2)
  wait(function()
    return child.lua_get([[#vim.lsp.get_clients({ bufnr = 0 })]]) == 1
  end, 'the server to serve the buffer')
  child.type_keys('ipri')
  wait_ghost('nt(x)')
end

T['server']['is another process after a restart, and serves as before'] = function()
  write_script(PRINT)
  setup()
  open()
  child.cmd('Halfline restart')
  local starts = wait_heard('initialize', 2)
  eq(starts[1].pid ~= starts[2].pid, true)
  wait_heard('textDocument/didOpen', 2)
  child.type_keys('ipri')
  wait_ghost('nt(x)')
  child.type_keys('<Tab>')
  wait_lines({ 'print(x)' })
end

T['server']['serves code of one workspace with one process, and no other buffers'] = function()
  setup()
  open({ '' }, 'a.py')
  open({ '' }, 'b.rs')
  child.cmd('edit ' .. directory .. '/notes.txt')
  child.cmd('new')
  eq(#heard('initialize'), 1)
  eq(heard('initialize')[1].params.rootUri, vim.uri_from_fname(directory))
  eq(#heard('textDocument/didOpen'), 2)
end

T['server']['tells its state to the statusline'] = function()
  write_script({
    status = { busy = true, message = 'loading', kind = 'Normal' },
    progress = { { kind = 'begin', title = 'Halfline: loading the model', percentage = 40 } },
  })
  setup()
  open()
  local evaluated = [[vim.api.nvim_eval_statusline("%{%v:lua.require'halfline'.status()%}", {}).str]]
  wait(function()
    return child.lua_get(evaluated) == 'Halfline: loading the model 40%'
  end, 'the progress')
  write_script({ status = { busy = false, message = 'qwen', kind = 'Normal' } })
  child.cmd('Halfline restart')
  wait(function()
    return child.lua_get(evaluated) == 'Halfline: qwen'
  end, 'the status')
end

T['server']['says what it is doing'] = function()
  write_script({
    answer = {
      result = {
        version = '1.2',
        documents = 1,
        engine = { state = 'ready', message = 'qwen on cpu' },
        workspace = '/w',
      },
    },
  })
  setup()
  open()
  child.cmd('Halfline status')
  wait_message('Halfline: 1.2, ready: qwen on cpu, in /w, 1 open file')
end

T['server']['that cannot work has its reason in checkhealth'] = function()
  write_script({ status = { busy = false, message = 'no model', kind = 'Error' } })
  setup()
  open()
  wait(function()
    return child.lua_get([[require('halfline').status()]]) == 'Halfline: no model'
  end, 'the status')
  child.cmd('checkhealth halfline')
  eq(table.concat(lines(), '\n'):find('It cannot work: no model', 1, true) ~= nil, true)
end

T['setup'] = new_set()

T['setup']['names an option that is wrong'] = function()
  MiniTest.expect.error(function()
    setup({ gost_text = 'auto' })
  end, 'gost_text.*not an option')
  MiniTest.expect.error(function()
    setup({ ghost_text = 'always' })
  end, 'ghost_text.*should be one of')
end

T['setup']['checkhealth tells what is there'] = function()
  setup({ cmd = { 'no-such-program' } })
  child.cmd('checkhealth halfline')
  local report = table.concat(lines(), '\n')
  eq(report:find("The program 'no-such-program' was not found", 1, true) ~= nil, true)
end

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
  eq(argument.uri, vim.uri_from_fname(directory .. '/main.py'))

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
  eq(child.api.nvim_buf_get_name(0), directory .. '/main.py')
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
  eq(argument.uri, vim.uri_from_fname(directory .. '/main.py'))
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
  eq(review.arguments[1].uri, vim.uri_from_fname(directory .. '/main.py'))
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
  child.cmd('edit ' .. directory .. '/COMMIT_EDITMSG | setfiletype gitcommit')
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
  eq(sent()[1].params.arguments[1].uri, vim.uri_from_fname(directory .. '/main.py'))

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
  eq(child.api.nvim_buf_get_name(0), directory .. '/main.py')
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
