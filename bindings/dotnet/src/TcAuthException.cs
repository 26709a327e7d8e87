using System;

namespace TcAuth
{
    /// <summary>
    /// A call failed. The message is one sentence that says what to do about it; it never holds a secret key or a
    /// token.
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
        /// What the server said to a renewal, or what <see cref="Auth.Discover"/> looked at; null where there is
        /// nothing of the kind. It is part of the message as well.
        /// </summary>
        public string Detail { get; }

        internal static void ThrowIfFailed(Status status, string detail = null)
        {
            if (status != Status.Ok)
                throw new TcAuthException(status, detail);
        }
    }
}
