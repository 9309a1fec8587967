// Where the program is looked for, and what is said when it is nowhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProgram, type Machine, type Program } from '../src/program.ts';

interface Case {
  readonly name: string;
  readonly there: readonly string[];
  readonly machine?: Partial<Machine>;
  readonly expected: Program;
}

const cases: readonly Case[] = [
  {
    name: 'the first folder on PATH that has it',
    there: ['/usr/bin/halfline', '/opt/b/halfline'],
    expected: { path: '/opt/b/halfline' },
  },
  {
    name: "Cargo's folder when PATH has none",
    there: ['/home/ada/.cargo/bin/halfline'],
    expected: { path: '/home/ada/.cargo/bin/halfline' },
  },
  {
    name: 'a relative folder on PATH is not searched: it would depend on where the editor was started',
    there: ['bin/halfline'],
    machine: { searchPath: 'bin:.' },
    expected: {
      missing:
        'The program halfline is neither on PATH nor in ~/.cargo/bin. Install it, or say where it is in the setting halfline.path.',
    },
  },
  {
    name: 'the setting wins over PATH',
    there: ['/usr/bin/halfline', '/home/ada/dev/halfline'],
    machine: { setting: ' ~/dev/halfline ' },
    expected: { path: '/home/ada/dev/halfline' },
  },
  {
    name: 'a wrong setting is not papered over by PATH',
    there: ['/usr/bin/halfline'],
    machine: { setting: '/nowhere/halfline' },
    expected: {
      missing: 'The setting halfline.path says /nowhere/halfline, and there is no program there that can be started.',
    },
  },
  {
    name: 'a bare name in the setting is looked up',
    there: ['/usr/bin/halfline-nightly'],
    machine: { setting: 'halfline-nightly' },
    expected: { path: '/usr/bin/halfline-nightly' },
  },
  {
    name: 'Windows has its own separators and ending',
    there: ['D:\\tools\\halfline.exe'],
    machine: { windows: true, searchPath: 'C:\\Windows;D:\\tools', home: 'C:\\Users\\ada' },
    expected: { path: 'D:\\tools\\halfline.exe' },
  },
];

for (const { name, there, machine, expected } of cases) {
  test(name, () => {
    const found = findProgram({
      setting: '',
      searchPath: '/opt/a:/opt/b:/usr/bin',
      home: '/home/ada',
      windows: false,
      isProgram: (path) => there.includes(path),
      ...machine,
    });
    assert.deepEqual(found, expected);
  });
}
