-- What the plugin does with completions that a server sends, and with a server that comes and goes. Run by unit.lua.

local MiniTest = _G.MiniTest
local eq, new_set = MiniTest.expect.equality, MiniTest.new_set
local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, 'S').source:sub(2)))
local H = dofile(vim.fs.joinpath(here, 'harness.lua'))
local child, wait, write_script, heard, wait_heard, setup = H.child, H.wait, H.write_script, H.heard, H.wait_heard, H.setup
local open, ghost, wait_ghost, lines, wait_lines, messages = H.open, H.ghost, H.wait_ghost, H.lines, H.wait_lines, H.messages
local wait_message = H.wait_message

local T = H.new_set()

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
    child.cmd('edit ' .. H.directory .. '/' .. name)
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
  child.cmd('edit ' .. H.directory .. '/a.py')
  wait_message('the server stopped %(exit code 3%)')
  eq(child.lua_get([[require('halfline').status()]]), 'Halfline: stopped')
  child.cmd('edit ' .. H.directory .. '/b.py')
  child.cmd('edit ' .. H.directory .. '/c.py')
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
  child.cmd('edit ' .. H.directory .. '/notes.txt')
  child.cmd('new')
  eq(#heard('initialize'), 1)
  eq(heard('initialize')[1].params.rootUri, vim.uri_from_fname(H.directory))
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

return T
