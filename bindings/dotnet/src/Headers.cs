using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;

namespace TcAuth
{
    /// <summary>
    /// The headers to add to one request: foreach gives names and values. They remain valid after their
    /// <see cref="Auth"/> is disposed, and may be shared between threads. They are credentials, so this is no IEnumerable,
    /// whose elements loggers and serializers write.
    /// </summary>
    public sealed class Headers
    {
        [DebuggerBrowsable(DebuggerBrowsableState.Never)]
        private readonly string authorization;

        /// <summary>Makes headers from values that were sent, for <see cref="Auth.Review"/>.</summary>
        /// <param name="authorization">The value of the Authorization header.</param>
        /// <param name="timestamp">The value of the Timestamp header, or null if none was sent.</param>
        /// <exception cref="ArgumentOutOfRangeException">A time before 1970.</exception>
        public Headers(string authorization, long? timestamp)
        {
            this.authorization = authorization ?? throw new ArgumentNullException(nameof(authorization));
            Timestamp = timestamp >= 0 || timestamp == null
                ? timestamp : throw new ArgumentOutOfRangeException(nameof(timestamp));
        }

        /// <summary>The value of the Timestamp header: the Unix second that was signed. It is null with a token,
        /// because then this header is not sent.</summary>
        public long? Timestamp { get; }

        /// <summary>The value of the Authorization header, such as "TC 1234:..." or "TC-Token ...". Do not log it.</summary>
        /// <returns>The value.</returns>
        public string GetAuthorization() => authorization;

        /// <summary>The names and values to set on the request, for foreach.</summary>
        public IEnumerator<KeyValuePair<string, string>> GetEnumerator()
        {
            yield return new KeyValuePair<string, string>("Authorization", authorization);
            if (Timestamp != null)
                yield return new KeyValuePair<string, string>(
                    "Timestamp", Timestamp.Value.ToString(CultureInfo.InvariantCulture));
        }

        /// <summary>The names of the headers, without the values.</summary>
        public override string ToString() => Timestamp == null ? "Authorization" : "Authorization, Timestamp";
    }
}
