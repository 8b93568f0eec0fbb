/**
 * Lets every command outlive a reader that has seen enough, such as `head`: what is still written to it is lost, and what
 * the command has to change is changed. A reader who can't take what is written for another reason is an error.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', refuseOthers);
}

/** For a command that goes on for ever and only writes: it ends with its reader. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
  });
}

function refuseOthers(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
