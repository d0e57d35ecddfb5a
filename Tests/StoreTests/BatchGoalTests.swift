@testable import Store
import Testing

@Suite("How many steps a batch waits for")
struct BatchGoalTests {
    @Test func `one record after another is never delayed, nor are a few`() {
        var goal = BatchGoal()
        for count in [1, 1, 2, 3, 1, 3, 3, 3] {
            goal.learn(count, isLate: false)
            #expect(goal.count == 1)
        }
    }

    @Test func `batches grow step by step to the maximum while more records come`() {
        var goal = BatchGoal()
        goal.learn(4, isLate: false)
        var sizes: [Int] = []
        for _ in 0..<12 {
            sizes.append(goal.count)
            goal.learn(goal.count, isLate: false)
        }
        #expect(sizes == [5, 6, 7, 8, 10, 12, 15, 18, 22, 27, 32, 32])
        goal.learn(500, isLate: false)
        #expect(goal.count == BatchGoal.countMax)
    }

    @Test func `after a wait in vain it expects what came, and tries to grow again only later`() {
        var goal = BatchGoal()
        goal.learn(8, isLate: false)
        #expect(goal.count == 10)
        goal.learn(8, isLate: true)
        #expect(goal.count == 8)
        for _ in 1..<BatchGoal.restCount {
            goal.learn(8, isLate: false)
            #expect(goal.count == 8)
        }
        goal.learn(8, isLate: false)
        #expect(goal.count == 10)
    }

    @Test func `it stops at once when the clients have gone`() {
        var goal = BatchGoal()
        goal.learn(30, isLate: false)
        goal.learn(2, isLate: true)
        #expect(goal.count == 1)
    }
}
