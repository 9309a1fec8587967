// For tests: runs rustc over a Rust file when it is opened or saved and publishes what it says.

const { execFile } = require('node:child_process');
const vscode = require('vscode');

exports.activate = (context) => {
  const collection = vscode.languages.createDiagnosticCollection('rustc');
  const check = (document) => {
    if (document.languageId !== 'rust' || document.uri.scheme !== 'file') {
      return;
    }
    const options = ['--edition=2024', '--crate-type=lib', '--emit=metadata', '-o', '/dev/null', '--error-format=json'];
    execFile(
      vscode.workspace.getConfiguration('rustcDiagnostics').get('program', 'rustc'),
      [...options, document.uri.fsPath],
      (_error, _stdout, stderr) => {
        const messages = stderr
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line));
        collection.set(document.uri, messages.flatMap(toDiagnostics));
      },
    );
  };
  context.subscriptions.push(
    collection,
    vscode.workspace.onDidOpenTextDocument(check),
    vscode.workspace.onDidSaveTextDocument(check),
  );
  vscode.workspace.textDocuments.forEach(check);
};

function toDiagnostics({ message, code, level, spans }) {
  return spans
    .filter((span) => span.is_primary)
    .map((span) => {
      const range = new vscode.Range(
        span.line_start - 1,
        span.column_start - 1,
        span.line_end - 1,
        span.column_end - 1,
      );
      const severity = level === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
      const diagnostic = new vscode.Diagnostic(range, message, severity);
      diagnostic.source = 'rustc';
      diagnostic.code = code?.code;
      return diagnostic;
    });
}
