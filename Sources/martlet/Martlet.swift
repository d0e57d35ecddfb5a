@main
enum Martlet {
    nonisolated static func main() {}
}
