import Revocation
import Telemetry

extension Application {
    /// The metrics of a server that follows the feed of another one.
    static func addFollowed(_ followed: FollowedFeed, _ page: inout PrometheusText) {
        page.family(
            "martlet_feed_age_seconds", .gauge,
            "How long ago this server knew every revocation of its source; +Inf before the first time.")
        page.sample("martlet_feed_age_seconds", seconds: followed.age.map { Double($0) / 1_000 } ?? .infinity)
        page.family("martlet_feed_stale", .gauge, "1 while the age is above MARTLET_STALENESS_MAX.")
        page.sample("martlet_feed_stale", followed.isStale ? 1 : 0)
        page.family("martlet_follow_condition", .gauge, "1 for the present condition.")
        let present = followed.condition
        for condition in FollowedFeed.Condition.allCases {
            page.sample("martlet_follow_condition", [("condition", condition.rawValue)], condition == present ? 1 : 0)
        }
        let figures = followed.figures
        page.family("martlet_follow_sequence", .gauge, "Number of the last record of the source that is known here.")
        page.sample("martlet_follow_sequence", followed.position?.seq ?? 0)
        page.family("martlet_follow_epoch", .gauge, "Epoch of that number.")
        page.sample("martlet_follow_epoch", UInt64(followed.position?.epoch ?? 0))
        page.family("martlet_follow_records_total", .counter, "Records that the feed brought.")
        page.sample("martlet_follow_records_total", figures.records)
        page.family("martlet_follow_requests_total", .counter, "Requests to the feed, by outcome.")
        page.sample("martlet_follow_requests_total", [("outcome", "answered")], figures.answers)
        page.sample("martlet_follow_requests_total", [("outcome", "failed")], figures.failures)
        page.family("martlet_follow_snapshots_total", .counter, "Snapshots that were read.")
        page.sample("martlet_follow_snapshots_total", figures.snapshots)
        page.family(
            "martlet_follow_resets_total", .counter,
            "How often the source was found to be another one, or restored from an older copy.")
        page.sample("martlet_follow_resets_total", figures.resets)
        page.family("martlet_follow_copy_writable", .gauge, "1 while the copy on disk can be written.")
        page.sample("martlet_follow_copy_writable", figures.isCopyWritable ? 1 : 0)
    }
}
