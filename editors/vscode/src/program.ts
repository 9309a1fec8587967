// Finds the `halfline` program. Pure: what it knows of the machine comes in as an argument.

import { posix, win32 } from 'node:path';

export interface Machine {
  /** The value of `halfline.path`; empty if not set. */
  readonly setting: string;
  /** The PATH variable, as the machine writes it. */
  readonly searchPath: string;
  readonly home: string;
  readonly windows: boolean;
  /** Whether a file is there that this user may run. */
  isProgram(path: string): boolean;
}

export type Program = { readonly path: string } | { readonly missing: string };

export function findProgram(machine: Machine): Program {
  const setting = machine.setting.trim();
  if (setting !== '' && /[\\/]/.test(setting)) {
    const path = setting.replace(/^~(?=[\\/])/, () => machine.home);
    return machine.isProgram(path)
      ? { path }
      : { missing: `The setting halfline.path says ${path}, and there is no program there that can be started.` };
  }
  const name = setting === '' ? 'halfline' : setting;
  const found = candidates(name, machine).find((path) => machine.isProgram(path));
  if (found !== undefined) {
    return { path: found };
  }
  return {
    missing:
      `The program ${name} is neither on PATH nor in ~/.cargo/bin. ` +
      'Install it, or say where it is in the setting halfline.path.',
  };
}

/** Where a bare name may lie, best first. An editor started from a desktop often has a PATH without Cargo's folder. */
function candidates(name: string, machine: Machine): string[] {
  const path = machine.windows ? win32 : posix;
  const file = machine.windows && !name.toLowerCase().endsWith('.exe') ? `${name}.exe` : name;
  return machine.searchPath
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .concat(path.join(machine.home, '.cargo', 'bin'))
    .map((folder) => path.join(folder, file));
}
