using System;

namespace TcAuth
{
    /// <summary>
    /// A failed call. The message says what is wrong and what to do. It never contains a secret key or a token.
    /// </summary>
    public sealed class TcAuthException : Exception
    {
        internal TcAuthException(Status status, string detail = null)
            : base(detail == null ? Auth.StatusMessage(status) : Auth.StatusMessage(status) + " (" + detail + ")")
        {
            Status = status;
            Detail = detail;
        }

        /// <summary>The cause.</summary>
        public Status Status { get; }

        /// <summary>
        /// The server's message about a renewal, or what <see cref="Auth.Discover"/> found; otherwise null. It is also a
        /// part of the exception's message.
        /// </summary>
        public string Detail { get; }

        internal static void ThrowIfFailed(Status status, string detail = null)
        {
            if (status != Status.Ok)
                throw new TcAuthException(status, detail);
        }
    }
}
