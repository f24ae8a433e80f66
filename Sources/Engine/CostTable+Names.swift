internal import Simulation
internal import Timing

// The costs that the engine charges again and again, by short names.
extension CostTable {
  var exitToKernel: SimulatedTime { mutating get { self[.exitToKernel] } }
  var exitToVMM: SimulatedTime { mutating get { self[.exitToVMM] } }
  var softwareStep: SimulatedTime { mutating get { self[.softwareStep] } }
  var systemCall: SimulatedTime { mutating get { self[.systemCall] } }
  var hop: SimulatedTime { mutating get { self[.interconnectHop] } }
  var hit: SimulatedTime { mutating get { self[.translationHit] } }
  var tableRead: SimulatedTime { mutating get { self[.tableRead] } }
  var hostEntry: SimulatedTime { mutating get { self[.hostInterruptEntry] } }
  var irqfd: SimulatedTime { mutating get { self[.irqfdInjection] } }
  var kick: SimulatedTime { mutating get { self[.kick] } }
  var handler: SimulatedTime { mutating get { self[.guestHandler] } }
}
