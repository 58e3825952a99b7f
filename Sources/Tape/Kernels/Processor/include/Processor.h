// What the processor has, and the operating system saves.

#include <stdbool.h>

#if defined(__x86_64__)
static inline bool processorHasAVX2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("movbe") &&
         __builtin_cpu_supports("f16c");
}

static inline bool processorHasAVX512(void) {
  return processorHasAVX2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#else
static inline bool processorHasAVX2(void) { return false; }
static inline bool processorHasAVX512(void) { return false; }
#endif
