public import Bits
public import Software

/// Page requests of devices on their way to user space and back
/// (`struct iommufd_fault`, drivers/iommu/iommufd/eventq.c).
public struct FaultQueue: Equatable, Sendable {
  /// One request, as user space reads it.
  public struct Request: Equatable, Sendable {
    public let device: UInt32
    public let address: IOVA
    /// Cookie that the response must quote.
    public let cookie: UInt32
  }

  /// Response of user space (`enum iommufd_page_response_code`).
  public enum Response: Equatable, Sendable { case success, invalid }

  private var nextCookie: UInt32 = 1
  /// Not read yet.
  private var delivered: [Request] = []
  /// Read and not answered.
  private var open: [Request] = []

  mutating func report(_ address: IOVA, of device: UInt32) {
    delivered.append(Request(device: device, address: address, cookie: nextCookie))
    nextCookie &+= 1
  }

  mutating func read() -> [Request] {
    defer { delivered = [] }
    open += delivered
    return delivered
  }

  mutating func answer(_ cookie: UInt32) -> Request? {
    open.firstIndex { $0.cookie == cookie }.map { open.remove(at: $0) }
  }
}

extension IOMMUFD {
  /// `IOMMU_FAULT_QUEUE_ALLOC`.
  public func allocateFaultQueue() -> UInt32 { add(.faultQueue(FaultQueue())) }

  /// The queue that a table was given; `nil` where the flag does not name one.
  func checkedFaultQueue(_ id: UInt32?, _ flags: TableFlags) throws(Refusal) -> UInt32? {
    guard flags.contains(.faultIDValid) else { return nil }
    guard let id, case .faultQueue = objects[id] else {
      throw refusal("iommufd_get_fault", "ENOENT", "object \(id ?? 0) is no fault queue")
    }
    return id
  }

  /// A device's page request (`iommufd_fault_iopf_handler`): whether anybody is there to answer.
  public func requestPage(_ address: IOVA, device id: UInt32) -> Bool {
    guard let table = attachments[id], case .pageTable(let object) = objects[table],
      let queueID = object.faultQueue, case .faultQueue(var queue) = objects[queueID]
    else { return false }
    queue.report(address, of: id)
    objects[queueID] = .faultQueue(queue)
    return true
  }

  /// `read` of a fault queue.
  public func readFaults(_ id: UInt32) throws(Refusal) -> [FaultQueue.Request] {
    guard case .faultQueue(var queue) = objects[id] else {
      throw refusal("iommufd_fault_fops_read", "ENOENT", "object \(id) is no fault queue")
    }
    defer { objects[id] = .faultQueue(queue) }
    return queue.read()
  }

  /// `write` of an answer: the request that it ends.
  public func answerFault(_ id: UInt32, cookie: UInt32) throws(Refusal) -> FaultQueue.Request {
    guard case .faultQueue(var queue) = objects[id] else {
      throw refusal("iommufd_fault_fops_write", "ENOENT", "object \(id) is no fault queue")
    }
    guard let request = queue.answer(cookie) else {
      throw refusal("iommufd_fault_fops_write", "EINVAL", "no request has the cookie \(cookie)")
    }
    objects[id] = .faultQueue(queue)
    return request
  }
}
