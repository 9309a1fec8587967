-- Runs the tests of protocol.lua and questions.lua in child Neovims of the version that runs this, with mini.test:
--   nvim --headless -u NONE -i NONE -c 'luafile tests/editors/neovim/unit.lua'
-- with HALFLINE_MINI_TEST naming the library's directory. Prints each failure and a closing line.

local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, 'S').source:sub(2)))
here = vim.uv.fs_realpath(here)
vim.opt.runtimepath:prepend(vim.env.HALFLINE_MINI_TEST)
local MiniTest = require('mini.test')
_G.MiniTest = MiniTest

local say = function(text)
  io.stdout:write(text .. '\n')
  io.stdout:flush()
end

local passed, failed = 0, 0
local report = function(case)
  local name = table.concat(vim.list_slice(case.desc, 2), ' | ')
  for _, argument in ipairs(case.args) do
    name = name .. ' + ' .. vim.inspect(argument, { newline = ' ', indent = '' })
  end
  if #case.exec.fails == 0 then
    passed = passed + 1
    return
  end
  failed = failed + 1
  say('FAILED ' .. name .. '\n  ' .. table.concat(case.exec.fails, '\n'):gsub('\n', '\n  '))
end

local finished = {}
MiniTest.setup({ silent = true })
MiniTest.run({
  collect = {
    find_files = function()
      return { vim.fs.joinpath(here, 'protocol.lua'), vim.fs.joinpath(here, 'questions.lua') }
    end,
    filter_cases = function(case)
      local wanted = vim.env.HALFLINE_TEST
      return not wanted or table.concat(case.desc, ' '):find(wanted, 1, true) ~= nil
    end,
  },
  execute = {
    reporter = {
      update = function(number)
        local case = MiniTest.current.all_cases[number]
        if not finished[number] and (case.exec.state == 'Pass' or case.exec.state:match('^Fail')) then
          finished[number] = true
          report(case)
        end
      end,
      finish = function()
        local version = vim.version()
        say(('Neovim %d.%d: %d passed, %d failed'):format(version.major, version.minor, passed, failed))
        vim.cmd('cquit ' .. (failed == 0 and passed > 0 and 0 or 1))
      end,
    },
  },
})

if #(MiniTest.current.all_cases or {}) == 0 then
  say('no test is called ' .. tostring(vim.env.HALFLINE_TEST))
  vim.cmd('cquit 1')
end
