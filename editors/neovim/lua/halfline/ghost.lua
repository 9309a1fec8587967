--- Ghost text: which of the two renderers serves a buffer, and what the keys do.
---
--- `ghost/plugin.lua` draws by itself; `ghost/builtin.lua` steers Neovim's own. Both have the same functions, so that
--- nothing here asks which one it is.

local compat = require('halfline.compat')
local keys = require('halfline.keys')
local say = require('halfline.say')

local M = {}
local H = { enabled = true, attached = {} }

--- Serve a buffer.
M.attach = function(client, bufnr)
  if not H.renderer() or not (client.server_capabilities or {}).inlineCompletionProvider then
    return
  end
  H.attached[bufnr] = client.id
  if H.enabled then
    H.renderer().attach(client, bufnr)
  end
  keys.map(bufnr, H.key_actions())
end

--- Stop serving a buffer.
M.detach = function(bufnr)
  if H.attached[bufnr] then
    H.attached[bufnr] = nil
    H.renderer().detach(bufnr)
    keys.unmap(bufnr)
  end
end

M.is_enabled = function()
  return H.enabled
end

---@param enabled boolean|nil
M.toggle = function(enabled)
  if enabled == nil then
    enabled = not H.enabled
  end
  if enabled ~= H.enabled then
    H.enabled = enabled
    for bufnr, client_id in pairs(H.attached) do
      local client = vim.lsp.get_client_by_id(client_id)
      if enabled and client then
        H.renderer().attach(client, bufnr)
      else
        H.renderer().detach(bufnr)
      end
    end
  end
  say.info(enabled and 'suggestions are on' or 'suggestions are off')
  vim.cmd.redrawstatus()
end

M.is_visible = function()
  return H.visible_renderer() ~= nil
end

M.accept = function(part)
  local renderer = H.visible_renderer()
  -- An open menu owns its keys.
  if not renderer or vim.fn.pumvisible() == 1 then
    return false
  end
  -- One step of its own for undo.
  vim.bo.undolevels = vim.bo.undolevels
  renderer.accept(vim.api.nvim_get_current_buf(), part)
  return true
end

M.select = function(step)
  local renderer = H.visible_renderer()
  if renderer then
    renderer.select(vim.api.nvim_get_current_buf(), step)
  end
  return renderer ~= nil
end

M.dismiss = function()
  local renderer = H.visible_renderer()
  if renderer then
    renderer.dismiss(vim.api.nvim_get_current_buf())
  end
  return renderer ~= nil
end

M.trigger = function()
  local bufnr = vim.api.nvim_get_current_buf()
  local client = vim.lsp.get_client_by_id(H.attached[bufnr] or -1)
  if not client then
    say.warn('no suggestions in this buffer. `:checkhealth halfline` shows what is served.')
    return
  end
  H.renderer().trigger(client, bufnr)
end

-- Helpers =====================================================================

H.renderer = function()
  local choice = require('halfline').config.ghost_text
  if choice == false then
    return nil
  elseif choice == 'plugin' or not compat.has_builtin_inline_completion then
    return require('halfline.ghost.plugin')
  end
  return require('halfline.ghost.builtin')
end

H.visible_renderer = function()
  local bufnr, renderer = vim.api.nvim_get_current_buf(), H.renderer()
  return renderer and H.attached[bufnr] and renderer.is_visible(bufnr) and renderer or nil
end

H.key_actions = function()
  return {
    accept = function()
      return M.accept('all')
    end,
    accept_word = function()
      return M.accept('word')
    end,
    accept_line = function()
      return M.accept('line')
    end,
    next = function()
      return M.select(1)
    end,
    previous = function()
      return M.select(-1)
    end,
    dismiss = M.dismiss,
    trigger = function()
      M.trigger()
      return true
    end,
  }
end

return M
