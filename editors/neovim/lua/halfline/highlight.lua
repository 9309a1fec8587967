--- Highlight groups. Every group is a default: a colour scheme or the user's own setting wins.

local M = {}
local H = {}

M.setup = function()
  H.define()
  vim.api.nvim_create_autocmd('ColorScheme', {
    group = vim.api.nvim_create_augroup('halfline.highlight', { clear = true }),
    callback = H.define,
  })
end

-- Helpers =====================================================================

H.define = function()
  -- Colours of its own: `Comment` has none in a terminal without a colour scheme.
  vim.api.nvim_set_hl(0, 'HalflineGhost', { default = true, fg = '#8a8f98', ctermfg = 245, italic = true })
  vim.api.nvim_set_hl(0, 'HalflineEvidence', { default = true, link = 'HalflineGhost' })

  -- Neovim's own inline completion draws with `ComplHint`. It follows ours unless someone has given it a look.
  local hint = vim.api.nvim_get_hl(0, { name = 'ComplHint' })
  if vim.tbl_isempty(hint) or hint.link == 'NonText' then
    vim.api.nvim_set_hl(0, 'ComplHint', { link = 'HalflineGhost' })
  end
end

return M
