--- Where the cursor rests: the server hears of it as it does from other editors, by a request for code actions, and can read ahead
--- what will probably be asked there.

local compat = require('halfline.compat')
local questions = require('halfline.questions')

local M = {}
local H = {}

--- Tell the server from now on, after each 'updatetime' without a key.
M.attach = function(client, bufnr)
  if not (client.server_capabilities or {}).codeActionProvider then
    return
  end
  local group = vim.api.nvim_create_augroup('halfline.rest.' .. bufnr, { clear = true })
  vim.api.nvim_create_autocmd('CursorHold', {
    group = group,
    buffer = bufnr,
    callback = function()
      H.tell(client, bufnr)
    end,
  })
end

-- Helpers =====================================================================

H.tell = function(client, bufnr)
  if compat.is_stopped(client) then
    return
  end
  local params = vim.lsp.util.make_range_params(0, client.offset_encoding)
  params.context = { diagnostics = questions.diagnostics_at_cursor(client, bufnr), triggerKind = 2 }
  -- The actions themselves are nobody's wish here.
  compat.request(client, 'textDocument/codeAction', params, function() end, bufnr)
end

return M
