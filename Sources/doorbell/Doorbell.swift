import ArgumentParser

@main
struct Doorbell: ParsableCommand {
}
