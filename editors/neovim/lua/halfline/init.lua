--- Halfline for Neovim: finishes the line you are writing and explains why the last one broke, with models that run
--- on your own machine. `:help halfline` is the manual.
---
--- This file holds the setup, the defaults and everything another file may call. How ghost text is drawn, how the
--- server is started and how an answer is shown live in the modules beside it.

local Halfline = {}
local H = {}

--- Set Halfline up. Call it once, from your init.lua.
---
---@param config table|nil What differs from |Halfline.config|.
Halfline.setup = function(config)
  if vim.fn.has('nvim-0.10') == 0 then
    vim.notify('Halfline needs Neovim 0.10 or newer.', vim.log.levels.ERROR)
    return
  end
  Halfline.config = H.checked_config(config)

  require('halfline.highlight').setup()
  require('halfline.commands').setup()
  require('halfline.server').setup()
end

--- Defaults. They become the configuration in effect when |Halfline.setup()| is called.
Halfline.config = {
  -- The program and its arguments. A bare name is looked up in $PATH.
  cmd = { 'halfline', 'lsp' },

  -- Variables for the server, for example { HALFLINE_MODELS = '/big/disk/models' }.
  cmd_env = nil,

  -- Filetypes to serve: a list, or '*' for every ordinary file but those of `excluded_filetypes`.
  filetypes = '*',
  excluded_filetypes = { '', 'gitcommit', 'gitrebase', 'help', 'log', 'man', 'text' },

  -- What marks the root of a workspace: the groups in order of preference, all names of a group alike.
  root_markers = {
    { '.halfline.toml' },
    { '.git', '.hg', '.jj' },
    { 'Cargo.toml', 'pyproject.toml', 'package.json', 'go.mod', 'CMakeLists.txt' },
  },

  -- Who draws suggestions: 'auto' takes Neovim's own inline completion where there is one (0.12) and this plugin's
  -- elsewhere; 'builtin' and 'plugin' insist; false draws none.
  ghost_text = 'auto',

  -- How long the plugin's own ghost text waits after a key before it asks, in milliseconds. The server waits longer
  -- by itself where the typing is fast.
  debounce_ms = 30,

  -- Keys of insert mode. They do what they did before whenever no suggestion is visible. false leaves a key alone.
  keys = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-C-Right>',
    next = '<M-]>',
    previous = '<M-[>',
    dismiss = '<C-]>',
    trigger = '<M-\\>',
  },

  -- Where answers appear: 'float' or 'split'.
  answer_window = 'float',

  -- Passed on to the server as its initialization options.
  server_options = {},
}

--- One short text for a statusline: empty where Halfline does not serve the current buffer.
---
---@return string
Halfline.status = function()
  return require('halfline.status').text(vim.api.nvim_get_current_buf())
end

--- Accept the visible suggestion.
---
---@param part 'all'|'word'|'line'|nil How much of it. Default: all.
---@return boolean accepted False when there was nothing to accept.
Halfline.accept = function(part)
  return require('halfline.ghost').accept(part or 'all')
end

--- Show another suggestion for the same place.
---
---@param step integer|nil How many further; negative for back. Default: 1.
---@return boolean done False when no suggestion is visible.
Halfline.next = function(step)
  return require('halfline.ghost').select(step or 1)
end

--- Take the visible suggestion away.
---
---@return boolean done False when no suggestion is visible.
Halfline.dismiss = function()
  return require('halfline.ghost').dismiss()
end

--- Ask for suggestions now, whatever the server thinks of the moment.
Halfline.trigger = function()
  require('halfline.ghost').trigger()
end

--- True while a suggestion is on the screen.
---
---@return boolean
Halfline.is_visible = function()
  return require('halfline.ghost').is_visible()
end

--- Explain the diagnostic under the cursor, from whichever server it comes.
Halfline.explain = function()
  require('halfline.questions').explain()
end

--- Find a change that the checker accepts for the line under the cursor, and ask whether to make it.
Halfline.fix = function()
  require('halfline.questions').fix()
end

--- Ask about the code.
---
---@param question string
---@param first integer|nil First line of the code in question, 1-based. Default: no selection.
---@param last integer|nil Last line, inclusive.
Halfline.ask = function(question, first, last)
  require('halfline.questions').ask(question, first, last)
end

--- Show the chat, and say something in it.
---
---@param message string|nil Default: ask for one.
---@param first integer|nil First line of the code in question, 1-based. Default: no selection.
---@param last integer|nil Last line, inclusive.
Halfline.chat = function(message, first, last)
  require('halfline.chat').open(message, first, last)
end

--- Write unit tests for the function under the cursor, proved by running them, and ask whether to add them.
Halfline.test = function()
  require('halfline.questions').test()
end

--- Document the definition under the cursor, and ask whether to make the change.
Halfline.doc = function()
  require('halfline.questions').doc()
end

--- Say what is wrong with what has changed since the last commit.
---
---@param staged boolean|nil Only what is staged.
Halfline.review = function(staged)
  require('halfline.questions').review(staged)
end

--- Write a message for what is staged; in an empty commit message it is filled in.
Halfline.commit = function()
  require('halfline.questions').commit()
end

--- Show what the last answer or completion rests on.
---
---@param kind 'answer'|'completion'|nil
Halfline.why = function(kind)
  require('halfline.questions').why(kind)
end

--- Run a command on a copy of the workspace; tests that fail get a lens each.
---
---@param command string[]
Halfline.run = function(command)
  require('halfline.questions').run(command)
end

--- Find the change that makes a failing command pass, and ask whether to make it.
---
---@param command string[]
Halfline.debug = function(command)
  require('halfline.questions').debug(command)
end

--- Switch suggestions on, off, or over. The server keeps running; questions still work.
---
---@param enabled boolean|nil Default: the other way round.
Halfline.toggle = function(enabled)
  require('halfline.ghost').toggle(enabled)
end

--- Start the server again: after an update, a change of its configuration, or a crash.
Halfline.restart = function()
  require('halfline.server').restart()
end

-- Helpers =====================================================================

H.default_config = vim.deepcopy(Halfline.config)

H.checked_config = function(config)
  H.check('config', config, 'table', true)
  local merged = vim.tbl_deep_extend('force', vim.deepcopy(H.default_config), config or {})
  for name in pairs(config or {}) do
    if H.default_config[name] == nil and name ~= 'cmd_env' then
      H.fail(name, 'is not an option of Halfline; `:help halfline-config` lists them')
    end
  end

  H.check('cmd', merged.cmd, 'table')
  H.check('cmd_env', merged.cmd_env, 'table', true)
  H.check('excluded_filetypes', merged.excluded_filetypes, 'table')
  H.check('root_markers', merged.root_markers, 'table')
  H.check('debounce_ms', merged.debounce_ms, 'number')
  H.check('keys', merged.keys, 'table')
  H.check('server_options', merged.server_options, 'table')
  if merged.filetypes ~= '*' then
    H.check('filetypes', merged.filetypes, 'table')
  end
  H.check_choice('ghost_text', merged.ghost_text, { 'auto', 'builtin', 'plugin', false })
  H.check_choice('answer_window', merged.answer_window, { 'float', 'split' })
  return merged
end

H.check = function(name, value, kind, optional)
  if type(value) ~= kind and not (optional and value == nil) then
    H.fail(name, ('should be a %s, is %s'):format(kind, vim.inspect(value)))
  end
end

H.check_choice = function(name, value, choices)
  if not vim.tbl_contains(choices, value) then
    H.fail(name, ('should be one of %s, is %s'):format(vim.inspect(choices), vim.inspect(value)))
  end
end

H.fail = function(name, what)
  error(('(halfline) setup: `%s` %s'):format(name, what), 0)
end

return Halfline
