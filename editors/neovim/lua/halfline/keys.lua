--- Keys of insert mode that act on a suggestion, and otherwise do exactly what they did before.
---
--- The mappings are local to the buffers served. What is underneath (a mapping of the buffer, else a global one, else
--- the key itself) is looked up when the key is pressed, so plugins that map it later are found as well.

local M = {}
local H = { before = {} }

---@param bufnr integer
---@param actions table<string, fun(): boolean> By name of the option; an action returns false when it does not apply.
M.map = function(bufnr, actions)
  if H.before[bufnr] then
    return
  end
  H.before[bufnr] = {}
  for name, lhs in pairs(require('halfline').config.keys) do
    local action = actions[name]
    if lhs and action then
      H.before[bufnr][lhs] = H.find(vim.api.nvim_buf_get_keymap(bufnr, 'i'), lhs) or false
      vim.keymap.set('i', lhs, function()
        if not action() then
          H.fall_back(lhs, H.before[bufnr] and H.before[bufnr][lhs])
        end
      end, { buffer = bufnr, desc = 'Halfline: ' .. name:gsub('_', ' ') })
    end
  end
end

M.unmap = function(bufnr)
  local before = H.before[bufnr]
  H.before[bufnr] = nil
  if not before or not vim.api.nvim_buf_is_valid(bufnr) then
    return
  end
  for lhs, map in pairs(before) do
    pcall(vim.keymap.del, 'i', lhs, { buffer = bufnr })
    if map then
      vim.api.nvim_buf_call(bufnr, function()
        vim.fn.mapset('i', false, map)
      end)
    end
  end
end

-- Helpers =====================================================================

H.find = function(maps, lhs)
  local raw = H.codes(lhs)
  for _, map in ipairs(maps) do
    if map.lhsraw == raw or map.lhsrawalt == raw or H.codes(map.lhs) == raw then
      return map
    end
  end
end

H.codes = function(keys)
  return vim.api.nvim_replace_termcodes(keys, true, true, true)
end

H.fall_back = function(lhs, map)
  map = map or H.find(vim.api.nvim_get_keymap('i'), lhs)
  local raw = H.codes(lhs)
  if not map then
    H.feed(raw, false)
    return
  end
  local keys = H.keys_of(map)
  if keys == '' then
    return
  end
  if map.noremap == 1 then
    H.feed(keys, false)
  elseif vim.startswith(keys, raw) then
    -- As Vim does for a mapping that starts with itself; remapped, it would come back here for ever.
    H.feed(keys:sub(#raw + 1), true)
    H.feed(raw, false)
  else
    H.feed(keys, true)
  end
end

-- The keys a mapping stands for; runs it where it is a function that types nothing.
H.keys_of = function(map)
  if map.callback and map.expr ~= 1 then
    map.callback()
    return ''
  end
  -- Neovim lists a mapping in readable form; what it holds, expression or not, has key codes.
  local rhs = H.codes(((map.rhs or ''):gsub('<[Ss][Ii][Dd]>', ('<SNR>%d_'):format(map.sid))))
  if map.expr ~= 1 then
    return rhs
  end
  local keys = map.callback and map.callback() or vim.api.nvim_eval(rhs)
  if type(keys) ~= 'string' then
    return ''
  end
  return (map.callback and map.replace_keycodes == 1) and H.codes(keys) or keys
end

-- Before everything that is waiting, so that fast typing keeps its order.
H.feed = function(keys, remap)
  if keys ~= '' then
    vim.api.nvim_feedkeys(keys, remap and 'im' or 'in', false)
  end
end

return M
