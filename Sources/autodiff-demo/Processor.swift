import Tape

/// Refuses a `TAPE_KERNELS` that the engine would stop at.
func checkKernels() throws {
  if let name = KernelSet.requested, let objection = KernelSet.objection(to: name) {
    throw UserError(objection)
  }
}
