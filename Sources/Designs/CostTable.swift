internal import Simulation

/// The cost model as plain numbers, for the data path.
struct CostTable: Sendable {
  let exitToKernel, exitToVMM, softwareStep, systemCall, hop, hit, tableRead: SimulatedTime
  let hostEntry, irqfd, kick, handler: SimulatedTime

  init(_ model: CostModel) {
    exitToKernel = model[.exitToKernel]
    exitToVMM = model[.exitToVMM]
    softwareStep = model[.softwareStep]
    systemCall = model[.systemCall]
    hop = model[.interconnectHop]
    hit = model[.translationHit]
    tableRead = model[.tableRead]
    hostEntry = model[.hostInterruptEntry]
    irqfd = model[.irqfdInjection]
    kick = model[.kick]
    handler = model[.guestHandler]
  }
}
