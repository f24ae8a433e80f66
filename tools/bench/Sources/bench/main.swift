/// Prints nanoseconds per operation of what Doorbell does most, and the ratio to the bare loads
/// where there is one.
do {
  for measurement in try TranslationBenchmarks.run() { print(measurement.line) }
  for measurement in try MessageBenchmarks.run() { print(measurement.line) }
  for measurement in LoadBenchmarks.run() { print(measurement.line) }
  for measurement in QueueBenchmarks.run() { print(measurement.line) }
} catch {
  print("bench: error: \(error)")
}
