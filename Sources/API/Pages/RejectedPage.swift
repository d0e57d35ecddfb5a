/// The page that shows a rejected form again.
struct RejectedPage: Sendable {
    let html: [UInt8]
    /// The origin to which the answer to the form redirects, if it is another one.
    var formTarget: String?
}
