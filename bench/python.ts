/** The first Python in which the statements `code` succeed. */
export async function findPython(code: string): Promise<string | undefined> {
  for (const command of ["python3", "/usr/bin/python3"]) {
    const process = new Deno.Command(command, {
      args: ["-c", code],
      stdout: "null",
      stderr: "null",
    });
    try {
      if ((await process.output()).success) return command;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}
