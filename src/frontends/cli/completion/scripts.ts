/** The shells that a script can be made for. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** A shell. */
export type Shell = (typeof shells)[number];

/**
 * What makes a shell ask tsnet at every Tab. Words travel as lines with a colon before each, so that an empty one and
 * one with a dash arrive as they are.
 */
export const scripts: Readonly<Record<Shell, string>> = {
  bash: `# tsnet: source <(tsnet completion bash)
_tsnet() {
  local words line
  words=$(printf ':%s\\n' "\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(tsnet __complete "$words" 2>/dev/null)
}
complete -o bashdefault -o default -F _tsnet tsnet
`,
  zsh: `#compdef tsnet
# tsnet: source <(tsnet completion zsh)
_tsnet() {
  local -a found
  local line
  while IFS= read -r line; do
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <(tsnet __complete "$(printf ':%s\\n' "\${(@)words[2,CURRENT]}")" 2>/dev/null)
  if (( \${#found} )); then _describe tsnet found; else _files; fi
}
if [ "$funcstack[1]" = _tsnet ]; then _tsnet "$@"; else compdef _tsnet tsnet; fi
`,
  fish: `# tsnet: tsnet completion fish | source
function __tsnet_complete
  set -l words (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token --cut-at-cursor)
  tsnet __complete (printf ':%s\\n' $words[2..-1] | string collect) 2>/dev/null
end
complete --command tsnet --no-files --arguments '(__tsnet_complete)'
`,
};
