;; What a user of Emacs does with the set-up of docs/editors/emacs.md, which has been read; called by
;; tests/tests/editors.rs in a folder with flow.cascade. Prints what it sees.  -*- lexical-binding: t -*-

(defun say (what value)
  (princ (format "%s: %s\n" what value)))

;; Nothing of this is about time: it ends as soon as it is there.
(defun wait-for (what look)
  (let ((tries 1000) found)
    (while (and (not (setq found (funcall look))) (> (setq tries (1- tries)) 0))
      (accept-process-output nil 0.02))
    (unless found
      (say "missing" what)
      (kill-emacs 1))
    found))

(defun go-to (line text)
  (goto-char (point-min))
  (forward-line (1- line))
  (search-forward text (line-end-position)))

(defun ask (method)
  (jsonrpc-request (eglot--current-server-or-lose) method (eglot--TextDocumentPositionParams)))

(setq eglot-sync-connect t
      eglot-autoshutdown nil
      eglot-confirm-server-initiated-edits nil
      make-backup-files nil
      create-lockfiles nil)
(find-file "flow.cascade")
(say "mode" major-mode)
;; In batch no command follows after which Eglot would start by itself.
(run-hooks 'post-command-hook)
(wait-for "a server" #'eglot-current-server)
(flymake-mode 1)
(flymake-start)
(let ((found (wait-for "diagnostics" #'flymake-diagnostics)))
  (say "diagnostic" (car (split-string (flymake-diagnostic-text (car found)) "\n"))))

(go-to 8 "= gr")
(say "hover" (replace-regexp-in-string "[ \n]+" " " (plist-get (plist-get (ask :textDocument/hover) :contents) :value)))

(go-to 9 "te")
(let ((answer (ask :textDocument/completion)))
  (say "completion" (plist-get (aref (plist-get answer :items) 0) :label)))

(go-to 7 "nam")
(eglot-rename "person")
(go-to 3 "nme")
(replace-match "name" t)
(eglot-format-buffer)
(eglot--signal-textDocument/didChange)
(wait-for "no diagnostics" (lambda () (flymake-start) (not (flymake-diagnostics))))
(say "text" (concat "\n" (buffer-substring-no-properties (point-min) (point-max))))
(set-buffer-modified-p nil)
(eglot-shutdown (eglot-current-server))
