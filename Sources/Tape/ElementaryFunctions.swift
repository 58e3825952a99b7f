#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// The C library's functions: the one place that names a platform, under names that the cases of
// `Operation` do not hide.

package func exponential(_ x: Double) -> Double { exp(x) }
package func naturalLogarithm(_ x: Double) -> Double { log(x) }
package func logarithmOfOnePlus(_ x: Double) -> Double { log1p(x) }
package func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
package func sine(_ x: Double) -> Double { sin(x) }
package func cosine(_ x: Double) -> Double { cos(x) }
