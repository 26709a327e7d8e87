using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;

namespace TcAuth
{
    /// <summary>
    /// The headers to add to one request. Iterate over it to get names and values. It depends on no handle and may be
    /// shared between threads. It is a credential: do not log it.
    /// </summary>
    public sealed class Headers : IEnumerable<KeyValuePair<string, string>>
    {
        /// <summary>Puts together again what was sent, for <see cref="Auth.Review"/>.</summary>
        /// <param name="authorization">The value of the Authorization header.</param>
        /// <param name="timestamp">The value of the Timestamp header, or null if none was sent.</param>
        /// <exception cref="ArgumentOutOfRangeException">A time before 1970.</exception>
        public Headers(string authorization, long? timestamp)
        {
            Authorization = authorization ?? throw new ArgumentNullException(nameof(authorization));
            Timestamp = timestamp >= 0 || timestamp == null
                ? timestamp : throw new ArgumentOutOfRangeException(nameof(timestamp));
        }

        /// <summary>The value of the Authorization header, such as "TC 1234:..." or "TC-Token ...".</summary>
        public string Authorization { get; }

        /// <summary>The value of the Timestamp header, the Unix second that was signed; null with a token: then send
        /// none.</summary>
        public long? Timestamp { get; }

        /// <summary>The names and values to set on the request.</summary>
        public IEnumerator<KeyValuePair<string, string>> GetEnumerator()
        {
            yield return new KeyValuePair<string, string>("Authorization", Authorization);
            if (Timestamp != null)
                yield return new KeyValuePair<string, string>(
                    "Timestamp", Timestamp.Value.ToString(CultureInfo.InvariantCulture));
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        /// <summary>What it is, without the values.</summary>
        public override string ToString() => Timestamp == null ? "Authorization" : "Authorization, Timestamp";
    }
}
