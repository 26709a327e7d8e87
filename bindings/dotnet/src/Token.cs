using System;
using System.Diagnostics;
using System.Globalization;

namespace TcAuth
{
    /// <summary>A copy of a token. Only <see cref="GetValue"/> shows it: loggers and serializers do not see it.</summary>
    public sealed class Token
    {
        [DebuggerBrowsable(DebuggerBrowsableState.Never)]
        private readonly string value;

        internal Token(string value, DateTimeOffset? expires)
        {
            this.value = value;
            Expires = expires;
        }

        /// <summary>When it expires; null if it does not or that is unknown.</summary>
        public DateTimeOffset? Expires { get; }

        /// <summary>The token. Do not log it.</summary>
        /// <returns>The token.</returns>
        public string GetValue() => value;

        /// <summary>The expiry, without the token.</summary>
        public override string ToString() => Expires == null ? "a token without expiry"
            : "a token that expires " + Expires.Value.ToString("u", CultureInfo.InvariantCulture);
    }
}
