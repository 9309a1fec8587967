--- `:checkhealth halfline`.

local compat = require('halfline.compat')
local server = require('halfline.server')

local M = {}
local H = {}

M.check = function()
  vim.health.start('halfline')
  H.check_neovim()
  if H.check_program() then
    H.check_server()
  end
end

-- Helpers =====================================================================

H.check_neovim = function()
  if vim.fn.has('nvim-0.10') == 0 then
    vim.health.error('Neovim 0.10 or newer is needed')
    return
  end
  local choice = require('halfline').config.ghost_text
  if choice == false then
    vim.health.info('Ghost text is off (`ghost_text = false`)')
  elseif choice ~= 'plugin' and compat.has_builtin_inline_completion then
    vim.health.ok("Ghost text is drawn by Neovim's own inline completion")
  elseif choice == 'builtin' then
    vim.health.warn("This Neovim has no inline completion of its own (0.12 has); the plugin's ghost text serves")
  else
    vim.health.ok('Ghost text is drawn by the plugin')
  end
end

H.check_program = function()
  local cmd = require('halfline').config.cmd
  if vim.fn.executable(cmd[1]) == 0 then
    vim.health.error(("The program '%s' was not found"):format(cmd[1]), {
      "Install it: `cargo install --path server` in Halfline's source, or put a built one on $PATH",
      "Or name it: require('halfline').setup({ cmd = { '/path/to/halfline', 'lsp' } })",
    })
    return false
  end
  local answer = vim.system({ cmd[1], '--version' }, { text = true }):wait(5000)
  if answer.code == 0 then
    vim.health.ok(('%s: %s'):format(vim.fn.exepath(cmd[1]), vim.trim(answer.stdout)))
  else
    vim.health.error(('%s --version failed: %s'):format(cmd[1], vim.trim(answer.stderr or '')))
  end
  return true
end

H.check_server = function()
  local clients = server.clients()
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_count(client.attached_buffers)
    vim.health.ok(('The server runs in %s and serves %d buffers'):format(client.root_dir or '(no root)', buffers))
    local failure = require('halfline.status').failure(client.id)
    if failure then
      vim.health.error('It cannot work: ' .. failure, { 'Then `:Halfline restart`' })
    end
    if not (client.server_capabilities or {}).inlineCompletionProvider then
      vim.health.warn('The server offers no inline completion; is the program too old?')
    end
  end
  if #clients > 0 then
    return
  elseif server.state() == 'crashed' then
    vim.health.error('The server has stopped', { '`:Halfline log` shows what it said', '`:Halfline restart`' })
  elseif vim.fn.exists(':Halfline') == 0 then
    vim.health.error('setup() was not called', { "Put require('halfline').setup() into your init.lua" })
  else
    vim.health.info('The server is not running yet: it starts with the first source file')
  end
end

return M
