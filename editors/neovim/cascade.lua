-- Cascade in Neovim. Put this file into ~/.config/nvim/plugin/, or `:luafile` it.
-- It needs `cascadec` on PATH.

local cmd = { "cascadec", "lsp" }

local function detect(args)
  vim.bo[args.buf].filetype = "cascade"
  vim.bo[args.buf].commentstring = "// %s"
  vim.bo[args.buf].shiftwidth = 2
  vim.bo[args.buf].expandtab = true
end

vim.api.nvim_create_autocmd({ "BufRead", "BufNewFile" }, { pattern = "*.cascade", callback = detect })

if vim.lsp.config and vim.lsp.enable then
  -- 0.11 and later.
  vim.lsp.config("cascade", { cmd = cmd, filetypes = { "cascade" }, root_markers = { "cascade.toml", ".git" } })
  vim.lsp.enable("cascade")
else
  -- 0.7 to 0.10: one server for all buffers, started with the first of them.
  local client
  vim.api.nvim_create_autocmd("FileType", {
    pattern = "cascade",
    callback = function(args)
      if not (client and vim.lsp.get_client_by_id(client)) then
        client = vim.lsp.start_client({ name = "cascade", cmd = cmd, root_dir = vim.fn.getcwd() })
      end
      if client then
        vim.lsp.buf_attach_client(args.buf, client)
      end
    end,
  })
end
