/// Neighbouring numbers of a row, in one register or a few.
protocol TileRow {
  /// The registers that it takes on the widest processor.
  static var registers: Int { get }
  init()
  /// Loads as many as there are, those beyond the last column too.
  init(_ pointer: UnsafePointer<Double>)
  /// Adds `factor · entries`, fused where the processor can: elsewhere fusing is a slow call.
  mutating func add(_ factor: Double, _ entries: Self)
  mutating func scale(_ factor: Double, thenAdd addend: Self)
  /// Sets to 0 what stands where a mask is zero or negative.
  mutating func clear(whereNotPositive mask: Self)
  /// Stores the first `width`, or all if they are fewer.
  func store(_ pointer: UnsafeMutablePointer<Double>, _ width: Int)
}

extension SIMD where Scalar == Double {
  static var registers: Int { 1 }

  @inline(__always)
  mutating func add(_ factor: Double, _ entries: Self) {
    add(Self(repeating: factor), entries)
  }

  @inline(__always)
  mutating func add(_ factors: Self, _ entries: Self) {
    #if FUSED_MULTIPLY_ADD || arch(arm64)
      addProduct(factors, entries)
    #else
      self += factors * entries
    #endif
  }

  @inline(__always)
  mutating func scale(_ factor: Double, thenAdd addend: Self) {
    self = addend + factor * self
  }

  @inline(__always)
  func storeAll(_ pointer: UnsafeMutablePointer<Double>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: Self.self)
  }
}

// What the library has for each width becomes instructions; the same for any width would go lane by lane. A part is
// stored half by half for the same reason.
extension SIMD4: TileRow where Scalar == Double {
  @inline(__always)
  init(_ pointer: UnsafePointer<Double>) {
    self = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD4<Double>.self)
  }

  @inline(__always)
  mutating func clear(whereNotPositive mask: Self) {
    replace(with: 0, where: mask .<= 0)
  }

  @inline(__always)
  func store(_ pointer: UnsafeMutablePointer<Double>, _ width: Int) {
    if width >= 4 { return storeAll(pointer) }
    if width >= 2 { lowHalf.storeAll(pointer) } else if width == 1 { pointer[0] = self[0] }
    if width == 3 { pointer[2] = self[2] }
  }
}

extension SIMD8: TileRow where Scalar == Double {
  @inline(__always)
  init(_ pointer: UnsafePointer<Double>) {
    self = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Double>.self)
  }

  @inline(__always)
  mutating func clear(whereNotPositive mask: Self) {
    replace(with: 0, where: mask .<= 0)
  }

  @inline(__always)
  func store(_ pointer: UnsafeMutablePointer<Double>, _ width: Int) {
    if width >= 8 { return storeAll(pointer) }
    lowHalf.store(pointer, width)
    if width > 4 { highHalf.store(pointer + 4, width - 4) }
  }
}

extension SIMD2 where Scalar == Double {
  @inline(__always)
  init(_ pointer: UnsafePointer<Double>) {
    self = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD2<Double>.self)
  }
}
