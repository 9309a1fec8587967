--- Lenses on tests that failed: when they are asked for. Neovim draws and runs them itself.

local M = {}
local H = {}

--- Ask for the lenses of a buffer now, and when its text may have moved them.
M.attach = function(client, bufnr)
  if not (client.server_capabilities or {}).codeLensProvider then
    return
  end
  local group = vim.api.nvim_create_augroup('halfline.lenses.' .. bufnr, { clear = true })
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'BufWritePost' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      H.refresh(bufnr)
    end,
  })
  H.refresh(bufnr)
end

--- The server says that other tests fail now.
M.handlers = function()
  return {
    ['workspace/codeLens/refresh'] = function(_, _, context)
      for bufnr in pairs((vim.lsp.get_client_by_id(context.client_id) or {}).attached_buffers or {}) do
        H.refresh(bufnr)
      end
      return vim.NIL
    end,
  }
end

-- Helpers =====================================================================

H.refresh = function(bufnr)
  -- What attached a moment ago may have gone; a server that is stopping answers with an error of no interest.
  if not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = bufnr })
  else
    pcall(vim.lsp.codelens.refresh, { bufnr = bufnr })
  end
end

return M
