#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// What is taken of the C library, functions of one number under names that no case of `Operation` and
// no method of `Variable` hides. This is the one place that names a platform.

package func scalarExp(_ x: Double) -> Double { exp(x) }
package func scalarLog(_ x: Double) -> Double { log(x) }
package func scalarLogOnePlus(_ x: Double) -> Double { log1p(x) }
package func scalarTanh(_ x: Double) -> Double { tanh(x) }
package func scalarSin(_ x: Double) -> Double { sin(x) }
package func scalarCos(_ x: Double) -> Double { cos(x) }
package func scalarArcTangent(_ y: Double, _ x: Double) -> Double { atan2(y, x) }

/// Lets another thread have this processor.
package func yieldProcessor() { sched_yield() }
