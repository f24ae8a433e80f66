internal import ArmFormats
internal import Bits
package import Memory
package import RISCVFormats

extension RISCVIOMMU {
  /// A device's Page Request or Stop Marker message (RISC-V IOMMU 1.0, 2.7 and 3.3).
  ///
  /// - Parameters:
  ///   - request: `DID`, `PID`, `PV`, `PRIV`, `EXEC` and the payload, as they go into the queue.
  ///   - hasSegment: the message came with a segment number, `DID` [23:16].
  package mutating func receive(
    _ request: IOMMUPageRequest, hasSegment: Bool = false, memory: PhysicalMemory
  ) {
    var request = request
    if !request[.processValid] {
      request[.process] = 0
      request[.isPrivileged] = false
      request[.execute] = false
    }
    var needsPASID = false
    do throws(TranslationFault) {
      let context = try locate(request, memory)
      needsPASID = context[.responseNeedsPASID]
      guard context[.enablesPRI] else {
        return refuse(
          request, .typeDisallowed, hasSegment, needsPASID, context[.disablesFaults], memory)
      }
    } catch {
      return refuse(request, error.cause, hasSegment, needsPASID, false, memory)
    }
    guard let code = queue(request, memory) else { return }
    respond(request, code, hasSegment, needsPASID)
  }

  private mutating func locate(_ request: IOMMUPageRequest, _ memory: PhysicalMemory)
    throws(TranslationFault) -> DeviceContext
  {
    let mode = registers.directory[.mode]
    guard mode != .off else { throw TranslationFault(.allDisallowed) }
    guard mode.hasDirectory else { throw TranslationFault(.typeDisallowed) }
    return try deviceContext(request[.device], memory)
  }

  /// Writes the record; when it cannot, the response's code.
  private mutating func queue(_ request: IOMMUPageRequest, _ memory: PhysicalMemory)
    -> PageResponseCode?
  {
    guard registers.pageRequests.isRunning, !registers.pageRequests.control[.memoryFault] else {
      return .failure
    }
    guard !registers.pageRequests.control[.overflow] else { return .success }
    defer { interrupt(.pageRequests, memory) }
    guard !registers.pageRequests.isFull else {
      registers.pageRequests.control[.overflow] = true
      return .success
    }
    let place = registers.pageRequests.address(registers.pageRequests.tail, entrySize: 16)
    guard store(request, at: place, memory) else {
      registers.pageRequests.control[.memoryFault] = true
      return .failure
    }
    registers.pageRequests.tail = registers.pageRequests.next(registers.pageRequests.tail)
    return nil
  }

  /// Records why a message was refused, and responds.
  private mutating func refuse(
    _ request: IOMMUPageRequest, _ cause: FaultCause, _ hasSegment: Bool, _ needsPASID: Bool,
    _ disablesFaults: Bool, _ memory: PhysicalMemory
  ) {
    if !disablesFaults || cause.isReportedDespiteDTF {
      var record = FaultRecord()
      record[.cause] = cause
      record[.transaction] = .message
      record[.device] = request[.device]
      record[.processValid] = request[.processValid]
      record[.process] = request[.process]
      record[.isPrivileged] = request[.isPrivileged]
      // The code of a Page Request message.
      record[.value] = 4
      _ = recordFault(record, memory)
    }
    respond(
      request, cause == .typeDisallowed ? .invalidRequest : .failure, hasSegment, needsPASID)
  }

  /// A Page Request Group Response, where the request expects one (2.7).
  private mutating func respond(
    _ request: IOMMUPageRequest, _ code: PageResponseCode, _ hasSegment: Bool, _ needsPASID: Bool
  ) {
    guard request[.last], !request.isStopMarker else { return }
    var message = IOMMUBridgeMessage(.pageResponse)
    message.requester = UInt16(truncatingIfNeeded: request[.device])
    message.hasSegment = hasSegment
    message.segment = hasSegment ? UInt8(truncatingIfNeeded: request[.device] >> 16) : 0
    if request[.processValid] && (code == .failure || needsPASID) {
      message.hasProcess = true
      message.process = request[.process]
    }
    message.payload =
      UInt64(message.requester) &<< 48 | code.rawValue &<< 44
      | UInt64(request[.groupIndex]) &<< 32
    bridgeMessages.append(message)
  }
}

/// The response code of a Page Request Group Response (PCI Express 5.0, 10.4.2.1).
private enum PageResponseCode: UInt64 {
  case success = 0
  case invalidRequest = 1
  case failure = 15
}
