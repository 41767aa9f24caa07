-- What a user of Neovim does with the set-up of editors/neovim/cascade.lua, which has been read; called by
-- tests/tests/editors.rs in a folder with flow.cascade, which is open. Prints what it sees, and ends the editor.

local function say(what, value)
  io.stdout:write(what .. ": " .. (type(value) == "string" and value or vim.inspect(value)) .. "\n")
end

-- Nothing of this is about time: the test ends as soon as it is there.
local function wait(what, look)
  local found
  vim.wait(20000, function()
    found = look()
    return found
  end, 20)
  if not found then
    say("missing", what)
    vim.cmd("cquit")
  end
  return found
end

local function place(line, text)
  local at = vim.fn.getline(line):find(text, 1, true)
  vim.api.nvim_win_set_cursor(0, { line, at - 1 })
  return vim.lsp.util.make_position_params(0, "utf-8")
end

local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 20000)
  for _, answer in pairs(answers or {}) do
    if answer.error then
      say("error", answer.error)
    end
    return answer.result
  end
  say("missing", "an answer to " .. method)
  vim.cmd("cquit")
end

local function run()
  say("filetype", vim.bo.filetype .. ", comments " .. vim.bo.commentstring)
  wait("a client", function() return next((vim.lsp.get_clients or vim.lsp.get_active_clients)()) end)

  local found = wait("diagnostics", function()
    local all = vim.diagnostic.get(0)
    return #all > 0 and all
  end)
  say("diagnostic", found[1].lnum + 1 .. ": " .. found[1].message:match("^[^\n]*"))

  local hover = ask("textDocument/hover", place(8, "greet("))
  say("hover", (hover.contents.value:gsub("%s+", " ")))

  -- Half a word in a hole of a text.
  vim.api.nvim_buf_set_lines(0, 8, 9, true, { '  return "$<te>"' })
  local params = place(9, ">")
  say("completion", ask("textDocument/completion", params).items[1].label)
  vim.api.nvim_buf_set_lines(0, 8, 9, true, { "  return   text" })

  params = place(7, "name")
  params.newName = "person"
  vim.lsp.util.apply_workspace_edit(ask("textDocument/rename", params), "utf-8")
  wait("the new name", function() return vim.fn.getline(8):find("person", 1, true) end)

  vim.api.nvim_buf_set_lines(0, 2, 3, true, { (vim.fn.getline(3):gsub("nme", "name")) })
  local formatting = { textDocument = params.textDocument, options = { tabSize = 2, insertSpaces = true } }
  vim.lsp.util.apply_text_edits(ask("textDocument/formatting", formatting), 0, "utf-8")
  wait("no diagnostics", function() return #vim.diagnostic.get(0) == 0 end)
  say("text", "\n" .. table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), "\n"))
end

local ok, problem = xpcall(run, debug.traceback)
if not ok then
  say("failed", problem)
  vim.cmd("cquit")
end
vim.cmd("qall!")
