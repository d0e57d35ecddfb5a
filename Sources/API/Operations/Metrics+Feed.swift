import Revocation
import Telemetry

extension Application {
    /// What readers of the feed cost and get.
    static func addFeed(_ publisher: FeedPublisher, _ page: inout PrometheusText) {
        page.family("martlet_feed_followers", .gauge, "Open streams and waiting requests of the feed, by form.")
        for form in FeedForm.allCases {
            page.sample("martlet_feed_followers", [("form", form.label)], publisher.readers(form))
        }
        page.family("martlet_feed_records", .gauge, "Records of the feed in memory.")
        page.sample("martlet_feed_records", publisher.feed.count)
        page.family("martlet_feed_records_total", .counter, "Records that the feed has published.")
        page.sample("martlet_feed_records_total", publisher.feed.publishedCount)
        page.family("martlet_feed_batches_total", .counter, "Batches of records sent to readers.")
        page.sample("martlet_feed_batches_total", publisher.figures.batches.value)
        page.family(
            "martlet_feed_dropped_total", .counter, "Streams that were closed because their reader did not read.")
        page.sample("martlet_feed_dropped_total", publisher.figures.dropped.value)
        page.family(
            "martlet_feed_resets_total", .counter, "Readers that could not continue at their position, by reason.")
        for reason in FeedFigures.ResetReason.allCases {
            page.sample(
                "martlet_feed_resets_total", [("reason", reason.rawValue)], publisher.figures.resets.value(reason))
        }
    }
}

extension FeedForm {
    fileprivate var label: String {
        switch self {
        case .json: "json"
        case .events: "events"
        case .records: "records"
        }
    }
}
