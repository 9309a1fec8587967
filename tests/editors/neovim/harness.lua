-- A child Neovim with the plugin and the stub server behind it, and what tests of both need. Each case has a directory of its
-- own.

local MiniTest = _G.MiniTest
local here = vim.uv.fs_realpath(vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, 'S').source:sub(2))))
local plugin = vim.fs.joinpath(vim.fs.dirname(vim.fs.dirname(vim.fs.dirname(here))), 'editors', 'neovim')

local M = { child = MiniTest.new_child_neovim() }
local child = M.child
local script, log

-- Wait for a condition; what it returned last is in the error.
M.wait = function(condition, what)
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

M.write_script = function(content)
  -- At once, by renaming: the server may be reading it.
  vim.fn.writefile({ vim.json.encode(content) }, script .. '.new')
  vim.uv.fs_rename(script .. '.new', script)
end

-- All messages of a method that the server has heard.
M.heard = function(method)
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

M.wait_heard = function(method, count)
  M.wait(function()
    return #M.heard(method) >= (count or 1)
  end, ('%s heard %d times'):format(method, count or 1))
  return M.heard(method)
end

M.setup = function(config)
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
M.open = function(lines, name)
  local path = vim.fs.joinpath(M.directory, name or 'main.py')
  vim.fn.writefile(lines or { '' }, path)
  local before = #M.heard('textDocument/didOpen')
  child.cmd('edit ' .. path)
  child.bo.expandtab = false
  child.type_keys('G$')
  M.wait_heard('textDocument/didOpen', before + 1)
end

-- The ghost text on the screen, whoever draws it.
M.ghost = function()
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

M.wait_ghost = function(text)
  M.wait(function()
    return M.ghost() == text
  end, ('ghost text %s, not %s'):format(vim.inspect(text), vim.inspect(M.ghost())))
end

M.lines = function()
  return child.api.nvim_buf_get_lines(0, 0, -1, false)
end

M.wait_lines = function(expected)
  M.wait(function()
    return vim.deep_equal(M.lines(), expected)
  end, ('lines %s, not %s'):format(vim.inspect(expected), vim.inspect(M.lines())))
end

M.messages = function()
  return child.lua_get('_G.messages')
end

M.wait_message = function(pattern)
  M.wait(function()
    return table.concat(M.messages(), '\n'):find(pattern) ~= nil
  end, 'a message like ' .. pattern .. ' in ' .. vim.inspect(M.messages()))
end

-- A set of cases, each of which begins anew.
M.new_set = function()
  return MiniTest.new_set({
    hooks = {
      pre_case = function()
        M.directory = vim.uv.fs_realpath(vim.fn.fnamemodify(vim.fn.tempname(), ':h')) .. '/case' .. vim.uv.hrtime()
        vim.fn.mkdir(M.directory .. '/.git', 'p')
        script, log = M.directory .. '/script.json', M.directory .. '/log.jsonl'
        M.write_script(vim.empty_dict())
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
end

return M
