// Prints VS Code's own JSON Schema of mcp.json, out of the build of it that node_modules has.
const at = `${process.env.NODE_MODULES}/@codingame/monaco-vscode-api/vscode/src/vs/workbench/contrib/mcp/common/mcpConfiguration.js`;
const { mcpServerSchema } = await import(at);
console.log(JSON.stringify(mcpServerSchema));
