--- The server's life: which buffers it serves, how it is started, stopped and started again.
---
--- One server serves the whole editor, because it holds the models in memory: a second workspace becomes another
--- folder of the running one.

local compat = require('halfline.compat')
local say = require('halfline.say')

local M = {}
local H = { group = nil, state = 'idle', waiting = {} }

--- Name of the client, as `:checkhealth vim.lsp` shows it.
M.NAME = 'halfline'

M.setup = function()
  H.group = vim.api.nvim_create_augroup('halfline.server', { clear = true })
  H.state = 'idle'
  H.on('FileType', function(args)
    M.start(args.buf)
  end)
  H.on(
    'LspAttach',
    H.if_ours(function(client, bufnr)
      require('halfline.ghost').attach(client, bufnr)
      require('halfline.lenses').attach(client, bufnr)
      require('halfline.rest').attach(client, bufnr)
    end)
  )
  H.on(
    'LspDetach',
    H.if_ours(function(_, bufnr)
      require('halfline.ghost').detach(bufnr)
    end)
  )
  H.on('VimLeavePre', function()
    H.state = 'stopping'
  end)
  H.start_for_open_buffers()
end

--- Start serving a buffer, if it is one to serve and the server can run.
---
---@param bufnr integer
M.start = function(bufnr)
  -- After a crash the user decides: starting it again for each file would only crash, and say so, again and again.
  if H.state == 'crashed' or H.state == 'stopping' or not H.is_wanted(bufnr) then
    return
  end
  local config = require('halfline').config
  if vim.fn.executable(config.cmd[1]) == 0 then
    H.state = 'missing'
    say.warn_once(H.missing_text(config.cmd[1]))
    return
  end
  H.state = 'running'
  vim.lsp.start(H.client_config(bufnr), { bufnr = bufnr, reuse_client = H.reuse })
end

--- Stop the server, wait for it, and start it for every buffer to serve.
M.restart = function()
  say.forget()
  local clients = M.clients()
  if #clients == 0 then
    H.state = 'idle'
    H.start_for_open_buffers()
    return
  end
  H.state = 'stopping'
  for _, client in ipairs(clients) do
    H.waiting[client.id] = true
    compat.stop(client)
    -- A server in the middle of a long computation gets a moment, then it goes.
    vim.defer_fn(function()
      if not compat.is_stopped(client) then
        compat.stop(client, true)
      end
    end, 3000)
  end
end

--- The running clients; more than one only where folders cannot be added to a running server.
---
---@param bufnr integer|nil Only those that serve this buffer.
---@return table[]
M.clients = function(bufnr)
  return vim.lsp.get_clients({ name = M.NAME, bufnr = bufnr })
end

--- The client to ask something, or nil after having said why there is none.
---
---@param bufnr integer
M.client_or_say = function(bufnr)
  local client = M.clients(bufnr)[1] or M.clients()[1]
  if client then
    return client
  end
  say.forget()
  M.start(bufnr)
  if H.state == 'crashed' then
    say.warn('the server has stopped. `:Halfline restart` starts it again, `:Halfline log` shows what it said.')
  elseif H.state ~= 'missing' then
    say.warn('no server serves this buffer. Open a source file first; `:checkhealth halfline` shows what is served.')
  end
  return nil
end

--- 'idle', 'running', 'stopping', 'crashed' or 'missing'.
M.state = function()
  return H.state
end

-- Whether a buffer shows a file that has a name.
M.is_file = function(bufnr)
  return vim.bo[bufnr].buftype == '' and vim.api.nvim_buf_get_name(bufnr) ~= ''
end

-- Helpers =====================================================================

H.on = function(event, callback)
  vim.api.nvim_create_autocmd(event, { group = H.group, callback = callback })
end

H.if_ours = function(callback)
  return function(args)
    local client = vim.lsp.get_client_by_id(args.data.client_id)
    if client and client.name == M.NAME then
      callback(client, args.buf)
    end
  end
end

H.start_for_open_buffers = function()
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      M.start(bufnr)
    end
  end
end

H.is_wanted = function(bufnr)
  if not vim.api.nvim_buf_is_valid(bufnr) or vim.bo[bufnr].buftype ~= '' then
    return false
  end
  local config, filetype = require('halfline').config, vim.bo[bufnr].filetype
  if config.filetypes ~= '*' then
    return vim.tbl_contains(config.filetypes, filetype)
  end
  return not vim.tbl_contains(config.excluded_filetypes, filetype)
end

H.client_config = function(bufnr)
  local config = require('halfline').config
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  -- Neovim before 0.12 does not name it; the plugin's own ghost text serves it there.
  capabilities.textDocument.inlineCompletion = { dynamicRegistration = false }
  capabilities.workspace.codeLens = { refreshSupport = true }
  local resolved = vim.deepcopy(compat.resolve_config({
    name = M.NAME,
    cmd = config.cmd,
    cmd_env = config.cmd_env,
    capabilities = capabilities,
    init_options = config.server_options,
    handlers = vim.tbl_extend('force', require('halfline.status').handlers(), require('halfline.lenses').handlers()),
    commands = H.commands(),
    on_exit = H.on_exit,
  }))
  resolved.name = M.NAME
  resolved.root_dir = H.root(bufnr)
  return resolved
end

-- What the server's code actions and lenses run is shown like any other question.
H.commands = function()
  local commands = {}
  for _, name in ipairs({ 'ask', 'explain', 'fix', 'test', 'doc', 'run', 'debugCommand' }) do
    commands['halfline.' .. name] = function(command, context)
      require('halfline.questions').of_server(command, context)
    end
  end
  return commands
end

H.root = function(bufnr)
  for _, markers in ipairs(require('halfline').config.root_markers) do
    local root = vim.fs.root(bufnr, markers)
    if root then
      return root
    end
  end
  -- A file on its own: its directory is as much of a workspace as there is.
  local name = vim.api.nvim_buf_get_name(bufnr)
  return name ~= '' and vim.fs.dirname(name) or vim.uv.cwd()
end

H.reuse = function(client, config)
  if client.name ~= M.NAME or compat.is_stopped(client) then
    return false
  end
  local folder = { uri = vim.uri_from_fname(config.root_dir), name = config.root_dir }
  for _, known in ipairs(client.workspace_folders or {}) do
    if known.uri == folder.uri then
      return true
    end
  end
  local folders = vim.tbl_get(client.server_capabilities or {}, 'workspace', 'workspaceFolders')
  if not (folders and folders.supported and folders.changeNotifications) then
    return false
  end
  client.workspace_folders = client.workspace_folders or {}
  table.insert(client.workspace_folders, folder)
  compat.notify(client, 'workspace/didChangeWorkspaceFolders', { event = { added = { folder }, removed = {} } })
  return true
end

H.on_exit = function(code, signal, client_id)
  vim.schedule(function()
    require('halfline.status').forget(client_id)
    if H.waiting[client_id] then
      H.waiting[client_id] = nil
      if next(H.waiting) == nil then
        H.state = 'idle'
        H.start_for_open_buffers()
      end
    elseif H.state == 'running' then
      H.state = 'crashed'
      local how = signal ~= 0 and ('signal ' .. signal) or ('exit code ' .. code)
      say.warn_once(
        ('the server stopped (%s). `:Halfline log` shows what it said, `:Halfline restart` starts it again.'):format(
          how
        )
      )
    end
  end)
end

H.missing_text = function(program)
  return ("the program '%s' was not found. Install it (`cargo install --path server` in Halfline's source, or put a "):format(
    program
  ) .. "built one on $PATH), or name it with setup({ cmd = { '/path/to/halfline', 'lsp' } }); then `:Halfline restart`."
end

return M
