--- The `:Halfline` command: one table of subcommands.

local M = {}
local H = {}

M.setup = function()
  vim.api.nvim_create_user_command('Halfline', H.run, {
    nargs = '+',
    range = true,
    complete = H.complete,
    desc = 'Halfline: explain, fix, ask, chat, test, doc, review, commit, why, run, debug, status and more',
  })
end

-- Helpers =====================================================================

H.subcommands = {
  explain = function()
    require('halfline').explain()
  end,
  fix = function()
    require('halfline').fix()
  end,
  ask = function(words, command)
    local first, last
    if command.range > 0 then
      first, last = command.line1, command.line2
    end
    local ask = function(question)
      if question and question ~= '' then
        require('halfline').ask(question, first, last)
      end
    end
    if words ~= '' then
      ask(words)
    else
      vim.ui.input({ prompt = 'Ask Halfline: ' }, ask)
    end
  end,
  chat = function(words, command)
    local first, last
    if command.range > 0 then
      first, last = command.line1, command.line2
    end
    require('halfline').chat(words, first, last)
  end,
  test = function()
    require('halfline').test()
  end,
  doc = function()
    require('halfline').doc()
  end,
  review = function(words)
    require('halfline').review(words == 'staged')
  end,
  commit = function()
    require('halfline').commit()
  end,
  why = function(words)
    require('halfline').why(words ~= '' and words or nil)
  end,
  run = function(words)
    H.with_command(words, require('halfline').run)
  end,
  debug = function(words)
    H.with_command(words, require('halfline').debug)
  end,
  status = function()
    require('halfline.questions').status()
  end,
  restart = function()
    require('halfline').restart()
  end,
  enable = function()
    require('halfline').toggle(true)
  end,
  disable = function()
    require('halfline').toggle(false)
  end,
  toggle = function()
    require('halfline').toggle()
  end,
  log = function()
    vim.cmd.tabnew(vim.fn.fnameescape(require('halfline.compat').log_path()))
    vim.cmd('normal! G')
  end,
}

-- The words of a command line; asked for where there are none.
H.with_command = function(words, callback)
  local run = function(line)
    if line and vim.trim(line) ~= '' then
      callback(vim.split(vim.trim(line), '%s+'))
    end
  end
  if words ~= '' then
    run(words)
  else
    vim.ui.input({ prompt = 'Command to run: ', default = 'cargo test' }, run)
  end
end

H.run = function(command)
  local name, words = command.args:match('^(%S+)%s*(.*)$')
  local subcommand = H.subcommands[name]
  if not subcommand then
    local names = table.concat(H.names(), ', ')
    require('halfline.say').warn(('there is no `:Halfline %s`; there are %s.'):format(name, names))
    return
  end
  subcommand(words, command)
end

H.complete = function(lead, line)
  -- Only the first word is a subcommand.
  if line:match('Halfline%s+%S+%s') then
    return {}
  end
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, H.names())
end

H.names = function()
  local names = vim.tbl_keys(H.subcommands)
  table.sort(names)
  return names
end

return M
