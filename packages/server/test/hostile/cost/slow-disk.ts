import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const SOURCE = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int slowly(const char *name, int file) {
  usleep(5000);
  return ((int (*)(int))dlsym(RTLD_NEXT, name))(file);
}
int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
`

/** Environment of a process for which each sync takes 5 ms longer, as on a network disk. Compiled with `gcc`. */
export function slowDisk(folder: string): Readonly<Record<string, string>> {
  const [source, library] = [join(folder, 'slow.c'), join(folder, 'slow.so')]
  writeFileSync(source, SOURCE)
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source], { stdio: 'pipe' })
  return { LD_PRELOAD: library }
}
